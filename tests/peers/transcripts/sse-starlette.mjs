// A stream per room and a message by POST, from a server that ends its lines otherwise and sends comments as signs of life.
import { execFileSync } from 'node:child_process'
import { EventSource } from 'eventsource'
import { pause, served, version } from './stage.mjs'

const installed = execFileSync(process.env.PYTHON, ['-c', 'import importlib.metadata as m; print(m.version("sse-starlette"))'])

export const about = [
  `sse-starlette ${installed.toString().trim()} (one process), ${version('eventsource')}.`,
  'ann listens to room r1, bob says something, and a sign of life follows.',
]

/** What every run makes anew: times as Python writes them. */
export const anew = [/\d{4}-\d\d-\d\d[T ][\d:.]+\+00:00/g]

export async function play() {
  const relay = await served(process.env.PYTHON, ['sse.py'], { PING_SECONDS: '1' })
  const room = `http://127.0.0.1:${relay.port}/rooms/r1`
  const ann = new EventSource(`${room}/events`)
  await new Promise((done) => ann.addEventListener('open', done))
  await pause(100)
  const headers = { 'content-type': 'application/json' }
  await fetch(`${room}/messages`, { method: 'POST', headers, body: JSON.stringify({ text: 'hello "you" \\ and 😀' }) })
  await pause(1300)
  ann.close()
  await pause(50)
  return relay
}
