// A channel subscribed to, something said over HTTP with a signature and heard, a client's event on a private channel, a
// heartbeat, an end, a key there is not.
import { createHash, createHmac } from 'node:crypto'
import './page.mjs'
import Pusher from 'pusher-js'
import Backend from 'pusher'
import { FAKE, faked, pause, version } from './stage.mjs'

export const about = [
  `${version('pusher-js')} (the client), ${version('pusher')} (the backend).`,
  `${FAKE}: pusher.com, "Pusher Channels Protocol" 7 and "HTTP API".`,
  'ann and bob subscribe to r1, the backend says something, both hear it; in private-r1 ann says something herself; bob leaves; one with a wrong key.',
]

/** What every run makes anew. */
export const anew = [/auth_timestamp=\d+/g, /auth_signature=\w+/g]

const SECRET = 'a-secret'
const signed = (text) => createHmac('sha256', SECRET).update(text).digest('hex')
const heard = new Map()
let ids = 0

function met(socket, request) {
  // What a server says stands in its `data` as a string.
  const tell = (event, channel, data) => socket.send(JSON.stringify({ event, channel, data: JSON.stringify(data) }))
  if (!request.url.startsWith('/app/a-key?')) {
    socket.send(JSON.stringify({ event: 'pusher:error', data: { code: 4001, message: 'App key is not known' } }))
    return socket.close(4001)
  }
  const id = `1.${(ids += 1)}`
  tell('pusher:connection_established', undefined, { socket_id: id, activity_timeout: 120 })
  socket.on('message', (message) => {
    const { event, channel, data } = JSON.parse(message)
    if (event === 'pusher:ping') return socket.send('{"event":"pusher:pong","data":"{}"}')
    const members = heard.get(data.channel ?? channel) ?? new Map()
    if (event === 'pusher:unsubscribe') members.delete(socket)
    if (event.startsWith('client-')) members.forEach((said, member) => member !== socket && said(event, data))
    if (event !== 'pusher:subscribe') return
    if (data.channel.startsWith('private-') && data.auth !== `a-key:${signed(`${id}:${data.channel}`)}`) return
    heard.set(data.channel, members.set(socket, (word, what) => tell(word, data.channel, what)))
    tell('pusher_internal:subscription_succeeded', data.channel, {})
  })
}

/** The HTTP API: one event, if it is signed. */
function answered(request, response) {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    const { pathname, searchParams } = new URL(request.url, 'http://x')
    const given = searchParams.get('auth_signature')
    searchParams.delete('auth_signature')
    const body = Buffer.concat(parts).toString()
    const query = [...searchParams].sort().map((pair) => pair.join('=')).join('&')
    const whole = searchParams.get('body_md5') === createHash('md5').update(body).digest('hex')
    if (!whole || given !== signed(`POST\n${pathname}\n${query}`)) return response.writeHead(401).end('Invalid signature')
    const { name, channels, data } = JSON.parse(body)
    for (const channel of channels) heard.get(channel)?.forEach((said) => said(name, JSON.parse(data)))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
}

function enter(relay, key) {
  const customHandler = ({ socketId, channelName }, done) => done(null, { auth: `a-key:${signed(`${socketId}:${channelName}`)}` })
  const at = { wsHost: '127.0.0.1', wsPort: relay.port, forceTLS: false, enabledTransports: ['ws'], cluster: 'here' }
  return new Pusher(key, { ...at, enableStats: false, activityTimeout: 400, channelAuthorization: { customHandler } })
}

export async function play() {
  const relay = await faked(met, answered)
  const join = (pusher, name) =>
    new Promise((done) => {
      const channel = pusher.subscribe(name)
      channel.bind('pusher:subscription_succeeded', () => done(channel))
    })
  const ann = enter(relay, 'a-key')
  await join(ann, 'r1')
  const annHears = await join(ann, 'private-r1')
  const bob = enter(relay, 'a-key')
  await join(bob, 'r1')
  await join(bob, 'private-r1')
  const backend = new Backend({ appId: '1', key: 'a-key', secret: SECRET, host: '127.0.0.1', port: String(relay.port), useTLS: false })
  await backend.trigger('r1', 'message', { room: 'r1', text: 'hello "you" \\ and 😀' })
  annHears.trigger('client-message', { room: 'r1', text: 'and you' })
  await pause(600)
  bob.unsubscribe('r1')
  await pause(50)
  bob.disconnect()
  ann.disconnect()
  const eve = enter(relay, 'no-key')
  await pause(200)
  eve.disconnect()
  return relay
}
