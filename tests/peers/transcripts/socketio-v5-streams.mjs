// Recovery at the other instance: ann is cut off one, bob goes on talking there, ann comes back to the other.
import { io } from 'socket.io-client'
import { pause, redis, served, token, version } from './stage.mjs'

export const about = [
  `${version('socket.io')} (two instances, ${version('@socket.io/redis-streams-adapter')}), ${version('socket.io-client')}.`,
  'Only what ann says to the second instance is recorded: she comes with the pid and offset that the first gave her.',
]

/** What every run makes anew. */
export const anew = [/"[sp]id":"[\w-]+"/g, /"offset":"[\w-]+"/g, /,"\d+-\d+"\]/g]

export async function play() {
  const between = { REDIS_URL: await redis(), ADAPTER: 'streams' }
  const first = await served('node', ['socketio.mjs'], { ...between, INSTANCE: 'a' })
  const second = await served('node', ['socketio.mjs'], { ...between, INSTANCE: 'b' })
  const enter = (name) =>
    io(`http://127.0.0.1:${first.port}`, { transports: ['websocket'], forceNew: true, reconnectionDelay: 200, auth: { token: token(name) } })
  const ask = (socket, ...words) => socket.timeout(2000).emitWithAck(...words)
  const ann = enter('ann')
  await ask(ann, 'join', 'r1')
  const bob = enter('bob')
  await ask(bob, 'join', 'r1')
  await ask(bob, 'message', { room: 'r1', text: 'the first' })
  await pause(300)
  ann.io.uri = `http://127.0.0.1:${second.port}`
  ann.io.engine.close()
  await pause(50)
  await ask(bob, 'message', { room: 'r1', text: 'the second' })
  await new Promise((done) => ann.once('message', done))
  await new Promise((done) => (ann.connected ? done() : ann.once('connect', done)))
  if (!ann.recovered) throw new Error('ann was not recovered')
  ann.disconnect()
  bob.disconnect()
  await pause(100)
  return second
}
