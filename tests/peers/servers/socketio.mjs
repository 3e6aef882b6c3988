// The same rooms by the book of Socket.IO: its Redis adapter between the instances, a middleware for the token, WebSocket
// only, so that every client costs the same.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
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

const publisher = new Redis(process.env.REDIS_URL)
const http = createServer()
const io = new Server(http, {
  adapter: createAdapter(publisher, publisher.duplicate()),
  transports: ['websocket'],
  perMessageDeflate: false,
})

io.use((socket, next) => {
  try {
    socket.data.user = userOf(socket.handshake.auth.token)
    next()
  } catch (error) {
    next(error)
  }
})

io.on('connection', (socket) => {
  socket.on('join', async (room, joined) => {
    await socket.join(room)
    joined()
  })
  socket.on('message', (room, content) => {
    const envelope = { type: 'message', from: socket.data.user, content, timestamp: new Date().toISOString() }
    io.to(room).emit('message', envelope)
  })
})

http.listen(0, '127.0.0.1', () => console.log(http.address().port))
