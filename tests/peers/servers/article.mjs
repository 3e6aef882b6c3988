// The room server of a well-known article on WebSocket architecture, as it is described there: Hono with its WebSocket
// helper, tokens in the query, rooms in a map, everything published through Redis. Two things are added: the subscription
// when somebody joins, without which nothing would ever be delivered, and waiting for Redis before clients may come,
// without which the first of them can end the process. AS_PRINTED leaves the first out again.
import { once } from 'node:events'
import { serve } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import { Hono } from 'hono'
import { verify } from 'hono/jwt'
import Redis from 'ioredis'

const publisher = new Redis(process.env.REDIS_URL)
const subscriber = new Redis(process.env.REDIS_URL)
const rooms = new Map()
const connections = new Map()

const app = new Hono()
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app })

async function requireAuthWs(c, next) {
  const token = c.req.query('token')
  if (!token) return c.text('Unauthorized', 401)
  try {
    const payload = await verify(token, process.env.JWT_SECRET, 'HS256')
    c.set('userId', payload.sub)
  } catch {
    return c.text('Unauthorized', 401)
  }
  await next()
}

function broadcastToRoom(roomId, message, exclude) {
  const members = rooms.get(roomId)
  if (!members) return
  const payload = JSON.stringify(message)
  for (const ws of members) {
    if (ws !== exclude && ws.readyState === 1) ws.send(payload)
  }
}

async function handleMessage(message, roomId, userId) {
  const envelope = { type: 'message', from: userId, content: message.content, timestamp: new Date().toISOString() }
  await publisher.publish(`room:${roomId}`, JSON.stringify(envelope))
}

subscriber.on('message', (channel, message) => {
  const members = rooms.get(channel.replace('room:', ''))
  if (!members) return
  const payload = JSON.stringify(JSON.parse(message))
  for (const ws of members) {
    if (ws.readyState === 1) ws.send(payload)
  }
})

let next = 0
app.get(
  '/ws/rooms/:roomId',
  requireAuthWs,
  upgradeWebSocket((c) => {
    const roomId = c.req.param('roomId')
    const userId = c.get('userId')
    const connectionId = String(next++)
    return {
      onOpen(event, ws) {
        if (!rooms.has(roomId)) rooms.set(roomId, new Set())
        rooms.get(roomId).add(ws.raw)
        if (!process.env.AS_PRINTED) subscriber.subscribe(`room:${roomId}`)
        const now = new Date()
        connections.set(connectionId, { ws: ws.raw, userId, roomId, connectedAt: now, lastPing: now })
        ws.raw.on('pong', () => {
          const connection = connections.get(connectionId)
          if (connection) connection.lastPing = new Date()
        })
        broadcastToRoom(roomId, { type: 'user.joined', userId, timestamp: new Date().toISOString() }, ws.raw)
      },
      onMessage(event) {
        handleMessage(JSON.parse(event.data), roomId, userId)
      },
      onClose(event, ws) {
        rooms.get(roomId)?.delete(ws.raw)
        if (rooms.get(roomId)?.size === 0) rooms.delete(roomId)
        connections.delete(connectionId)
        broadcastToRoom(roomId, { type: 'user.left', userId, timestamp: new Date().toISOString() })
      },
      onError(event, ws) {
        rooms.get(roomId)?.delete(ws.raw)
      },
    }
  }),
)

setInterval(() => {
  const now = Date.now()
  for (const [id, connection] of connections) {
    if (now - connection.lastPing.getTime() > 60000) {
      connection.ws.terminate()
      connections.delete(id)
    } else if (connection.ws.readyState === 1) {
      connection.ws.ping()
    }
  }
}, 30000)

await Promise.all([once(publisher, 'ready'), once(subscriber, 'ready')])
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, (info) => console.log(info.port))
injectWebSocket(server)
