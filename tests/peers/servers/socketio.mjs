// Rooms by the book of Socket.IO: join and leave with an acknowledgement, a message to everybody in the room, the sender
// too, a middleware for the token. With REDIS_URL its Redis adapter is between the instances, with ADAPTER=streams the one
// over Redis streams; without it there is one instance. Connection state is recovered but for the first, which cannot.
// INSTANCE is told in a response header. Prints its port. WebSocket only, so that every client costs the same, unless
// TRANSPORTS=all.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import Redis from 'ioredis'
import { Server } from 'socket.io'

function userOf(token) {
  const [header, payload, signature] = token.split('.')
  const wanted = createHmac('sha256', process.env.JWT_SECRET).update(`${header}.${payload}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Error('Unauthorized')
  const claims = JSON.parse(Buffer.from(payload, 'base64url'))
  if (claims.exp <= Date.now() / 1000) throw new Error('Unauthorized')
  return claims.sub
}

function between() {
  if (!process.env.REDIS_URL) return { connectionStateRecovery: {} }
  const publisher = new Redis(process.env.REDIS_URL)
  if (process.env.ADAPTER === 'streams') return { adapter: createStreamsAdapter(publisher), connectionStateRecovery: {} }
  return { adapter: createAdapter(publisher, publisher.duplicate()) }
}

const http = createServer()
const io = new Server(http, {
  ...between(),
  transports: process.env.TRANSPORTS === 'all' ? ['polling', 'websocket'] : ['websocket'],
  pingInterval: Number(process.env.PING_MS ?? 25000),
  perMessageDeflate: false,
})
if (process.env.INSTANCE) {
  io.engine.on('headers', (headers) => {
    headers['x-instance'] = process.env.INSTANCE
  })
}

function authenticate(socket, next) {
  try {
    socket.data.user = userOf(socket.handshake.auth.token)
    next()
  } catch {
    next(new Error('Unauthorized'))
  }
}

function serve(socket) {
  socket.on('join', async (room, joined) => {
    await socket.join(room)
    joined?.({ ok: true, room })
  })
  socket.on('leave', async (room, left) => {
    await socket.leave(room)
    left?.({ ok: true, room })
  })
  socket.on('message', ({ room, text }, sent) => {
    if (!socket.rooms.has(room)) return sent?.({ ok: false, error: 'not in the room' })
    socket.nsp.to(room).emit('message', { room, from: socket.data.user, text, timestamp: new Date().toISOString() })
    sent?.({ ok: true })
  })
}

for (const namespace of ['/', '/chat']) io.of(namespace).use(authenticate).on('connection', serve)

http.listen(0, '127.0.0.1', () => console.log(http.address().port))
