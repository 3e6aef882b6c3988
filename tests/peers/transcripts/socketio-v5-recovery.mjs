// Connection-state recovery: the network cuts ann, bob goes on talking, ann comes back with her pid and offset.
import { io } from 'socket.io-client'
import { pause, served, token, version } from './stage.mjs'

export const about = [
  `${version('socket.io')} (one instance, connectionStateRecovery), ${version('socket.io-client')}.`,
  'ann hears bob once, loses her connection, and is given the second message when she is back, as the same sid.',
]

/** What every run makes anew. */
export const anew = [/"[sp]id":"[\w-]+"/g, /"offset":"[\w-]+"/g, /,"[\w-]{7}"\]/g]

export async function play() {
  const relay = await served('node', ['socketio.mjs'], {})
  const enter = (name) =>
    io(`http://127.0.0.1:${relay.port}`, { transports: ['websocket'], forceNew: true, reconnectionDelay: 200, auth: { token: token(name) } })
  const ask = (socket, ...words) => socket.timeout(2000).emitWithAck(...words)
  const ann = enter('ann')
  await ask(ann, 'join', 'r1')
  const bob = enter('bob')
  await ask(bob, 'join', 'r1')
  await ask(bob, 'message', { room: 'r1', text: 'the first' })
  await pause(100)
  ann.io.engine.close()
  await pause(20)
  await ask(bob, 'message', { room: 'r1', text: 'the second' })
  await new Promise((done) => ann.once('message', done))
  if (!ann.recovered) throw new Error('ann was not recovered')
  ann.disconnect()
  bob.disconnect()
  await pause(100)
  return relay
}
