// A channel as a stream, a message by POST, another while nobody listens, and the stream again from the last event on.
import { EventSource } from 'eventsource'
import { packaged, pause, started, version } from './stage.mjs'

export const about = [
  `${packaged('libnginx-mod-nchan')} in ${packaged('nginx')} (one of two over Redis), ${version('eventsource')}.`,
  'ann listens to channel r1, bob says something, ann is cut, bob says something else, ann comes back with Last-Event-ID.',
]

/** What every run makes anew: ids are made of the time, and how soon it is known that ann has gone is chance. */
export const anew = [/= 20[12]\b/g, /active subscribers: \d+/g, /\b\d{10}:\d+\b/g, /-?\d+ sec\. ago/g]

export async function play() {
  const relay = await started('nchan')
  const room = `http://127.0.0.1:${relay.port}/rooms/r1`
  const say = (text) =>
    fetch(room, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text }) })
  const ann = new EventSource(room)
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
