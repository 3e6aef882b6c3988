// A stream per room, a message by POST, another while nobody listens, and the stream again from the last event on.
import { EventSource } from 'eventsource'
import { pause, served, version } from './stage.mjs'

export const about = [
  `${version('better-sse')} (one instance), ${version('eventsource')}.`,
  'ann listens to room r1, bob says something, ann is cut, bob says something else, ann comes back with Last-Event-ID.',
]

/** What every run makes anew. */
export const anew = []

export async function play() {
  const relay = await served('node', ['better-sse.mjs'], { INSTANCE: 'a' })
  const room = `http://127.0.0.1:${relay.port}/rooms/r1`
  const say = (text) =>
    fetch(`${room}/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text }) })
  const ann = new EventSource(`${room}/events`)
  const heard = () => new Promise((done) => ann.addEventListener('message', done, { once: true }))
  await new Promise((done) => ann.addEventListener('open', done))
  const first = heard()
  await say('hello "you" \\ and 😀')
  await first
  await pause(50)
  relay.cut()
  await pause(50)
  const second = heard()
  await say('are you there?')
  await second
  ann.close()
  await pause(50)
  return relay
}
