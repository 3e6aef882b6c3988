// A subscription, a publication, a confirmed one, an end of the subscription, a heartbeat both ways.
import { execFileSync } from 'node:child_process'
import './page.mjs'
import { connect } from 'nats.ws'
import { pause, served, version } from './stage.mjs'

export const about = [
  `${execFileSync(process.env.NATS_SERVER, ['--version']).toString().trim()} (one of two in a cluster), ${version('nats.ws')}.`,
  'ann and bob subscribe to room.r1, ann says something, both hear it; bob leaves; ann says two lines.',
]

/** What every run makes anew. */
export const anew = []

/** The lines of the protocol: where messages begin and end is not its business, nor how often the cluster is told of. */
export const lines = (messages) =>
  messages
    .flatMap((message) => (/^.b /.test(message) ? JSON.parse(message.slice(3)) : `${message}\r\n`))
    .join('')
    .split('\r\n')
    .filter((line) => !line.startsWith('INFO '))

export async function play() {
  const relay = await served('node', ['nats.mjs'], {})
  const enter = (name) => connect({ servers: `ws://127.0.0.1:${relay.port}`, name, pingInterval: 300, reconnect: false, ignoreClusterUpdates: true })
  const ann = await enter('ann')
  ann.subscribe('room.r1', { callback: () => {} })
  await ann.flush()
  const bob = await enter('bob')
  const hears = bob.subscribe('room.r1')
  await bob.flush()
  ann.publish('room.r1', 'hello "you" \\ and 😀')
  await ann.flush()
  await pause(50)
  hears.unsubscribe()
  await bob.flush()
  await pause(500)
  await bob.close()
  ann.publish('room.r1', 'one\r\ntwo')
  await ann.flush()
  await ann.close()
  await pause(50)
  return relay
}
