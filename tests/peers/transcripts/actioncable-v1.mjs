// A subscription, something said and heard, its end, the server's pings, a refused subscription and a refused token.
import { execFileSync } from 'node:child_process'
import './page.mjs'
import actioncable from '@rails/actioncable'
import { pause, redis, served, token, version } from './stage.mjs'

const { createConsumer } = actioncable
const installed = execFileSync('ruby', ['-e', 'require "action_cable"; puts "actioncable #{ActionCable.version}, ruby #{RUBY_VERSION}"'])

export const about = [
  `${installed.toString().trim()} (Debian, Redis adapter), ${version('@rails/actioncable')}.`,
  'ann and bob subscribe to room r1, ann says something, both hear it; bob unsubscribes and asks for no room; one with a bad token.',
]

/** What every run makes anew. */
export const anew = [/"message":\d{10}/g, /[0-9a-f]{16}/g]

/** After a refusal both ends close; who is first is chance. The client asks again if the answer takes half a second. */
export const lines = (messages) =>
  messages.filter((line, n) => !/^[<>]x /.test(line) && (messages.indexOf(line) === n || !/subscri|"ping"/.test(line)))

export async function play() {
  const relay = await served('ruby', ['cable.rb'], { REDIS_URL: `unix://${await redis()}` })
  const enter = (word) => createConsumer(`ws://127.0.0.1:${relay.port}/cable?token=${word}`)
  const join = (consumer, room) =>
    new Promise((done) => {
      const hears = consumer.subscriptions.create(
        { channel: 'RoomChannel', room },
        { connected: () => done(hears), rejected: () => done(), received: () => {} },
      )
    })
  const ann = enter(token('ann'))
  const annHears = await join(ann, 'r1')
  const bob = enter(token('bob'))
  const bobHears = await join(bob, 'r1')
  annHears.perform('say', { text: 'hello "you" \\ and 😀' })
  await pause(3500)
  bobHears.unsubscribe()
  await join(bob, undefined)
  await pause(100)
  bob.disconnect()
  ann.disconnect()
  const eve = enter('a.b.c')
  eve.connect()
  await pause(1500)
  eve.disconnect()
  return relay
}
