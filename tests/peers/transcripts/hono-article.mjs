// A room is joined by connecting; a message comes back to everybody in it; others are told who comes and goes.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { pause, redis, served, token, version } from './stage.mjs'

export const about = [
  `${version('hono')}, ${version('@hono/node-server')}, ${version('@hono/node-ws')}, ${version('ioredis')}; ${version('ws')} as the client.`,
  'ann and bob come into room r1, ann says something, both hear it, bob leaves; one with a bad token.',
]

/** What every run makes anew. */
export const anew = []

export async function play() {
  const relay = await served('node', ['article.mjs'], { REDIS_URL: await redis() })
  const enter = (word) => new WebSocket(`ws://127.0.0.1:${relay.port}/ws/rooms/r1?token=${word}`)
  const ann = enter(token('ann'))
  await once(ann, 'open')
  const bob = enter(token('bob'))
  await once(bob, 'open')
  await pause(100)
  ann.send(JSON.stringify({ type: 'message', content: 'hello "you" \\ and 😀' }))
  await once(bob, 'message')
  await pause(50)
  bob.close()
  await once(bob, 'close')
  await pause(50)
  ann.close()
  await once(ann, 'close')
  const eve = enter('a.b.c')
  await once(eve, 'error')
  return relay
}
