// A channel subscribed to, something published and heard, a heartbeat, a recovery by offset and epoch, an end, a refusal.
import './page.mjs'
import { Centrifuge } from 'centrifuge'
import { FAKE, faked, pause, token, version } from './stage.mjs'

export const about = [
  `${version('centrifuge')} (the client, JSON).`,
  `${FAKE}: centrifugal.dev, "Client protocol" of Centrifugo 5.`,
  'ann and bob subscribe to r1, bob publishes, both hear it; ann is cut, bob publishes again, ann recovers; bob leaves and asks for a channel that is not for him.',
]

/** What every run makes anew. */
export const anew = []

const EPOCH = 'xyzw'
const kept = []
let clients = 0

/** The result of a command, or an error. */
function result(socket, everybody, { connect, subscribe, publish, unsubscribe }) {
  if (connect) {
    socket.user = JSON.parse(Buffer.from(connect.token.split('.')[1], 'base64url')).sub
    return { connect: { client: `client-${(clients += 1)}`, version: '5.4.9 OSS', ping: 1, pong: true } }
  }
  if (subscribe && subscribe.channel !== 'r1') return { error: { code: 103, message: 'permission denied' } }
  if (subscribe) {
    socket.joined = true
    const position = { recoverable: true, positioned: true, epoch: EPOCH, offset: kept.length }
    if (!subscribe.recover) return { subscribe: position }
    const publications = kept.slice(subscribe.offset)
    return { subscribe: { ...position, publications, recovered: subscribe.epoch === EPOCH, was_recovering: true } }
  }
  if (publish) {
    const pub = { data: publish.data, info: { user: socket.user, client: `client-${clients}` }, offset: kept.length + 1 }
    kept.push(pub)
    const push = JSON.stringify({ push: { channel: publish.channel, pub } })
    everybody.forEach((member) => member.joined && member.send(push))
    return { publish: {} }
  }
  if (unsubscribe) socket.joined = false
  return { unsubscribe: {} }
}

function met(socket, _, everybody) {
  const pings = setInterval(() => socket.send('{}'), 1000)
  socket.on('close', () => clearInterval(pings))
  socket.on('message', (data) => {
    const commands = data.toString().split('\n').map((line) => JSON.parse(line))
    // An empty command is the answer to an empty push: a heartbeat.
    const replies = commands.flatMap(({ id, ...command }) => (id ? [{ id, ...result(socket, everybody, command) }] : []))
    if (replies.length) socket.send(replies.map((reply) => JSON.stringify(reply)).join('\n'))
  })
}

export async function play() {
  const relay = await faked(met)
  const enter = (user) => {
    const client = new Centrifuge(`ws://127.0.0.1:${relay.port}/connection/websocket`, { token: token(user), minReconnectDelay: 200, maxReconnectDelay: 201 })
    client.connect()
    return client
  }
  const join = async (client, channel) => {
    const hears = client.newSubscription(channel)
    hears.subscribe()
    await new Promise((done) => hears.once('subscribed', done).once('unsubscribed', done))
    return hears
  }
  const ann = enter('ann')
  const annHears = await join(ann, 'r1')
  const bob = enter('bob')
  const bobHears = await join(bob, 'r1')
  await bobHears.publish({ text: 'hello "you" \\ and 😀' })
  await pause(1200)
  const heard = new Promise((done) => annHears.once('publication', done))
  ann._transport.close()
  await pause(50)
  await bobHears.publish({ text: 'are you there?' })
  await heard
  bobHears.unsubscribe()
  await pause(50)
  await join(bob, 'private')
  ann.disconnect()
  bob.disconnect()
  await pause(100)
  return relay
}
