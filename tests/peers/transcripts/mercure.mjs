// A topic subscribed to, an update published over HTTP and heard, the stream again from the last update on, a refusal.
import { EventSource } from 'eventsource'
import { FAKE, faked, pause, token, version } from './stage.mjs'

export const about = [
  `${version('eventsource')} (the client).`,
  `${FAKE}: mercure.rocks/spec.`,
  'ann subscribes to a topic, bob publishes, ann is cut, bob publishes again, ann comes back with Last-Event-ID; one without a token publishes.',
]

/** What every run makes anew. */
export const anew = []

const kept = []
const streams = new Set()
const written = ({ id, data }) => `id: ${id}\ndata: ${data.replace(/\n/g, '\ndata: ')}\n\n`

function subscribed(request, response) {
  const last = request.headers['last-event-id']
  const from = kept.findIndex(({ id }) => id === last)
  const told = last ? { 'mercure-last-event-id': from < 0 ? 'earliest' : last } : {}
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...told })
  response.write(':\n\n')
  if (from >= 0) kept.slice(from + 1).forEach((update) => response.write(written(update)))
  streams.add(response)
  response.on('close', () => streams.delete(response))
}

async function published(request, response) {
  if (!request.headers.authorization) return response.writeHead(401).end('Unauthorized\n')
  const parts = []
  for await (const part of request) parts.push(part)
  const id = `urn:uuid:00000000-0000-4000-8000-${String(kept.length + 1).padStart(12, '0')}`
  const update = { id, data: new URLSearchParams(Buffer.concat(parts).toString()).get('data') }
  kept.push(update)
  streams.forEach((stream) => stream.write(written(update)))
  response.writeHead(200, { 'content-type': 'text/plain' }).end(id)
}

export async function play() {
  const relay = await faked(undefined, (request, response) => (request.method === 'POST' ? published : subscribed)(request, response))
  const hub = `http://127.0.0.1:${relay.port}/.well-known/mercure`
  const publish = (data, headers = { authorization: `Bearer ${token('bob')}` }) =>
    fetch(hub, { method: 'POST', headers, body: new URLSearchParams({ topic: 'https://example.com/r1', data }) })
  const authorized = (url, asked) =>
    fetch(url, { ...asked, headers: { ...asked.headers, authorization: `Bearer ${token('ann')}` } })
  const ann = new EventSource(`${hub}?topic=https%3A%2F%2Fexample.com%2Fr1`, { fetch: authorized })
  const heard = () => new Promise((done) => ann.addEventListener('message', done, { once: true }))
  await new Promise((done) => ann.addEventListener('open', done))
  const first = heard()
  await publish('hello "you" \\ and 😀')
  await first
  await pause(50)
  relay.cut()
  await pause(50)
  const second = heard()
  await publish('two\nlines')
  await second
  ann.close()
  await publish('psst', {})
  await pause(50)
  return relay
}
