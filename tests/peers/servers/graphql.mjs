// Rooms by GraphQL over WebSocket: graphql-ws with a mutation that says something and a subscription that hears it. With
// REDIS_URL what is said goes through Redis, so that there may be several; without it there is one. Prints its port.
import { createHmac } from 'node:crypto'
import { EventEmitter, on } from 'node:events'
import { createServer } from 'node:http'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import Redis from 'ioredis'
import { WebSocketServer } from 'ws'

const schema = buildSchema(`
  type Message { room: String!, from: String!, text: String!, timestamp: String! }
  type Query { instance: String! }
  type Mutation { say(room: String!, text: String!): Message! }
  type Subscription { said(room: String!): Message! }
`)

const heard = new EventEmitter().setMaxListeners(0)
const publisher = process.env.REDIS_URL && new Redis(process.env.REDIS_URL)
if (publisher) {
  // Everything said anywhere is heard by every instance, so that whoever subscribes has nothing to wait for.
  const subscriber = publisher.duplicate()
  subscriber.on('pmessage', (_, room, message) => heard.emit(room, JSON.parse(message)))
  await subscriber.psubscribe('room:*')
}

function userOf(token = '') {
  const [header, payload, signature] = token.split('.')
  const wanted = createHmac('sha256', process.env.JWT_SECRET).update(`${header}.${payload}`).digest('base64url')
  return wanted === signature ? JSON.parse(Buffer.from(payload, 'base64url')).sub : undefined
}

const roots = {
  query: { instance: () => process.env.INSTANCE ?? 'only' },
  mutation: {
    async say({ room, text }, { extra }) {
      if (!text) throw new Error('nothing to say')
      const message = { room, from: extra.user, text, timestamp: new Date().toISOString() }
      if (publisher) await publisher.publish(`room:${room}`, JSON.stringify(message))
      else heard.emit(`room:${room}`, message)
      return message
    },
  },
  subscription: {
    async *said({ room }) {
      for await (const [message] of on(heard, `room:${room}`)) yield { said: message }
    },
  },
}

const http = createServer()
const server = new WebSocketServer({ server: http, path: '/graphql', perMessageDeflate: false })
if (process.env.INSTANCE) server.on('headers', (headers) => headers.push(`x-instance: ${process.env.INSTANCE}`))
useServer(
  {
    schema,
    roots,
    context: (context) => context,
    onConnect({ connectionParams, extra }) {
      extra.user = userOf(connectionParams?.token)
      return extra.user !== undefined
    },
  },
  server,
)
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
