// A subscription, a mutation that it hears, its end, a heartbeat from the client, a mistake, a refused token.
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { beatsOnce, pause, served, token, version } from './stage.mjs'

export const about = [
  `${version('graphql-ws')} (server and client), ${version('graphql')}, ${version('ws')}.`,
  'ann and bob subscribe to room r1, ann says nothing and is told no, then something, both hear it; bob subscribes to what is not there; one with a bad token.',
]

/** What every run makes anew. */
export const anew = [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g]

export const lines = beatsOnce(/"type":"p[io]ng"/)

export async function play() {
  const relay = await served('node', ['graphql.mjs'], { INSTANCE: 'a' })
  const enter = (word) =>
    createClient({
      url: `ws://127.0.0.1:${relay.port}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { token: word },
      keepAlive: 200,
      lazy: true,
      retryAttempts: 0,
      lazyCloseTimeout: 0,
    })
  const hear = async (client, query, count, text) => {
    const events = client.iterate({ query, variables: { room: 'r1', text } })
    for (let n = 0; n < count && !(await events.next()).done; n += 1);
    return events.return()
  }
  const said = 'subscription Said($room: String!) { said(room: $room) { room from text timestamp } }'
  const ann = enter(token('ann'))
  const annHears = hear(ann, said, 1)
  await pause(100)
  const bob = enter(token('bob'))
  const bobHears = hear(bob, said, 1)
  await pause(600)
  const query = 'mutation Say($room: String!, $text: String!) { say(room: $room, text: $text) { timestamp } }'
  for (const text of ['', 'hello "you" \\ and 😀']) await hear(ann, query, 2, text)
  await annHears
  await bobHears
  await hear(bob, 'subscription { nothing }', 1).catch(() => {})
  await pause(50)
  await hear(enter('a.b.c'), said, 1).catch(() => {})
  return relay
}
