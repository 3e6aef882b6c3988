// What a client does that is not told which transport to take: polls, asks for an upgrade, and goes on by WebSocket. In a
// namespace of its own.
import { io } from 'socket.io-client'
import { pause, served, token, version } from './stage.mjs'

export const about = [
  `${version('socket.io')} (one instance, no adapter), ${version('socket.io-client')}, both transports.`,
  'ann comes into the namespace /chat by polling, is upgraded, joins room r1, says something and hears it.',
]

/** What every run makes anew. */
export const anew = [/"[sp]id":"[\w-]+"/g, /&t=[\w.-]+/g, /&sid=[\w-]+/g, /,"[\w-]{7}"\]/g]

export async function play() {
  const relay = await served('node', ['socketio.mjs'], { INSTANCE: 'a', TRANSPORTS: 'all' })
  const ann = io(`http://127.0.0.1:${relay.port}/chat`, { forceNew: true, reconnection: false, auth: { token: token('ann') } })
  const ask = (...words) => ann.timeout(2000).emitWithAck(...words)
  await new Promise((done) => ann.once('connect', done))
  await new Promise((done) => ann.io.engine.once('upgrade', done))
  await pause(100)
  await ask('join', 'r1')
  await ask('message', { room: 'r1', text: 'hello "you" \\ and 😀' })
  ann.disconnect()
  await pause(100)
  return relay
}
