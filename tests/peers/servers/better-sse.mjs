// Rooms by plain Server-Sent Events over better-sse: GET /rooms/ROOM/events is the stream, POST /rooms/ROOM/messages says
// something. Events have ids and the last of a room are kept, so Last-Event-ID is honoured. With REDIS_URL there may be
// several instances; what is said is numbered by Redis then. Prints its port.
import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import Redis from 'ioredis'

const KEPT = 1000
/** Numbers a message and tells everybody, in one step, so that no two overtake each other. */
const NUMBERED = "redis.call('PUBLISH', KEYS[1], redis.call('INCR', KEYS[1]) .. ' ' .. ARGV[1])"

const rooms = new Map()
const room = (name) => {
  if (!rooms.has(name)) rooms.set(name, { channel: createChannel(), kept: [], last: 0 })
  return rooms.get(name)
}

function tell(name, id, message) {
  const { channel, kept } = room(name)
  kept.push({ id, message })
  if (kept.length > KEPT) kept.shift()
  channel.broadcast(message, 'message', { eventId: String(id) })
}

const publisher = process.env.REDIS_URL && new Redis(process.env.REDIS_URL)
if (publisher) {
  const subscriber = publisher.duplicate()
  subscriber.on('pmessage', (_, channel, numbered) => {
    const space = numbered.indexOf(' ')
    tell(channel.slice('room:'.length), Number(numbered.slice(0, space)), JSON.parse(numbered.slice(space)))
  })
  await subscriber.psubscribe('room:*')
}

async function say(name, request, response) {
  const parts = []
  for await (const part of request) parts.push(part)
  const { text } = JSON.parse(Buffer.concat(parts))
  const message = { room: name, text, timestamp: new Date().toISOString() }
  if (publisher) await publisher.eval(NUMBERED, 1, `room:${name}`, JSON.stringify(message))
  else tell(name, (room(name).last += 1), message)
  response.writeHead(202).end()
}

async function listen(name, request, response) {
  if (process.env.INSTANCE) response.setHeader('x-instance', process.env.INSTANCE)
  const session = await createSession(request, response)
  const { channel, kept } = room(name)
  const last = Number(request.headers['last-event-id'] ?? Infinity)
  for (const { id, message } of kept) if (id > last) session.push(message, 'message', String(id))
  channel.register(session)
}

const http = createServer((request, response) => {
  const [, name, what] = request.url.match(/^\/rooms\/([^/?]+)\/(events|messages)/) ?? []
  if (what === 'events' && request.method === 'GET') listen(name, request, response)
  else if (what === 'messages' && request.method === 'POST') say(name, request, response)
  else response.writeHead(404).end()
})
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
