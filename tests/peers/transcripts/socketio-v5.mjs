// Rooms, an acknowledged message, leaving, a heartbeat, a message to a room one is not in, a refused token.
import { io } from 'socket.io-client'
import { beatsOnce, pause, served, token, version } from './stage.mjs'

export const about = [
  `${version('socket.io')} (one instance, no adapter), ${version('socket.io-client')}.`,
  'ann and bob join room r1, ann says something, both hear it; bob leaves, says something and is told no; one with a bad token.',
]

/** What every run makes anew. */
export const anew = [/"[sp]id":"[\w-]+"/g, /"offset":"[\w-]+"/g, /,"[\w-]{7}"\]/g]

export const lines = beatsOnce(/^[<>] [23]$/)

export async function play() {
  const relay = await served('node', ['socketio.mjs'], { INSTANCE: 'a', PING_MS: '300' })
  const enter = (auth) =>
    io(`http://127.0.0.1:${relay.port}`, { transports: ['websocket'], forceNew: true, reconnection: false, auth })
  const ask = (socket, ...words) => socket.timeout(2000).emitWithAck(...words)
  const ann = enter({ token: token('ann') })
  await ask(ann, 'join', 'r1')
  const bob = enter({ token: token('bob') })
  await ask(bob, 'join', 'r1')
  await ask(ann, 'message', { room: 'r1', text: 'hello "you" \\ and 😀' })
  await ask(bob, 'leave', 'r1')
  await ask(bob, 'message', { room: 'r1', text: 'is anybody here?' })
  await pause(500)
  bob.disconnect()
  ann.disconnect()
  const eve = enter({ token: 'a.b.c' })
  await new Promise((done) => eve.once('connect_error', done))
  eve.disconnect()
  await pause(100)
  return relay
}
