// Soketi, a server of the Pusher protocol: one application, of which id, key and secret are app-id, app-key and app-secret.
// REDIS_URL is the path of the Redis between instances. Prints its port.
//
// It asks for a uWebSockets.js that no registry has; under a newer one a socket does not carry what it was opened with.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
console.log = console.error // its words are not the port
const uws = require('uWebSockets.js')
const { App } = uws
uws.App = () => {
  const app = App() // it does not take options without a value
  const ws = app.ws.bind(app)
  app.ws = (path, behavior) => {
    const open = (socket) => behavior.open(Object.assign(socket, socket.getUserData()))
    ws(path, { ...behavior, open })
    return app
  }
  return app
}

const { Server } = require('@soketi/soketi')
const redis = { path: process.env.REDIS_URL }
const server = new Server()
server.setOptions({
  host: '127.0.0.1',
  port: 0,
  'metrics.port': 0,
  'adapter.driver': process.env.REDIS_URL ? 'redis' : 'local',
  'adapter.redis.redisPubOptions': redis,
  'adapter.redis.redisSubOptions': redis,
})
await server.start()
const listening = setInterval(() => {
  if (!server.serverProcess) return
  clearInterval(listening)
  process.stdout.write(`${uws.us_socket_local_port(server.serverProcess)}\n`)
}, 20)
