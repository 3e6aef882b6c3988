// A channel joined, something said and heard, a heartbeat, the channel left, one that is refused.
import './page.mjs'
import { Socket } from 'phoenix'
import { FAKE, faked, pause, token, version } from './stage.mjs'

export const about = [
  `${version('phoenix')} (the client).`,
  `${FAKE}: phoenixframework.org, "Writing a channels client", serializer 2.0.0.`,
  'ann and bob join room:r1, ann says something, both hear it, ann is told that it was taken; bob leaves; ann asks for a room there is not.',
]

/** What every run makes anew. */
export const anew = []

/** A `RoomChannel` that says "message" to everybody in the topic. */
function met(socket, request, everybody) {
  const user = JSON.parse(Buffer.from(new URL(request.url, 'ws://x').searchParams.get('token').split('.')[1], 'base64url')).sub
  socket.topics = new Map()
  socket.on('message', (data) => {
    const [join, ref, topic, event, payload] = JSON.parse(data)
    const reply = (status, response) => socket.send(JSON.stringify([join, ref, topic, 'phx_reply', { response, status }]))
    if (event === 'phx_join' && !topic.startsWith('room:')) return reply('error', { reason: 'unmatched topic' })
    if (event === 'phx_join') socket.topics.set(topic, join)
    if (event === 'say') {
      const message = [null, null, topic, 'message', { from: user, text: payload.text }]
      for (const member of everybody) if (member.topics.has(topic)) member.send(JSON.stringify(message))
    }
    reply('ok', {})
    if (event === 'phx_leave') {
      socket.topics.delete(topic)
      socket.send(JSON.stringify([join, join, topic, 'phx_close', {}]))
    }
  })
}

export async function play() {
  const relay = await faked(met)
  const enter = (user) => {
    const params = { token: token(user) }
    const socket = new Socket(`ws://127.0.0.1:${relay.port}/socket`, { params, heartbeatIntervalMs: 300 })
    socket.connect()
    return socket
  }
  const done = (push) => new Promise((then) => push.receive('ok', then).receive('error', then))
  const ann = enter('ann')
  const annHears = ann.channel('room:r1', {})
  await done(annHears.join())
  const bob = enter('bob')
  const bobHears = bob.channel('room:r1', {})
  await done(bobHears.join())
  await done(annHears.push('say', { text: 'hello "you" \\ and 😀' }))
  await pause(400)
  await done(bobHears.leave())
  const nowhere = ann.channel('nowhere', {})
  await done(nowhere.join())
  bob.disconnect()
  ann.disconnect()
  await pause(100)
  return relay
}
