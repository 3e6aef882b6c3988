// A subscription, a publication and its receipt, the end of a subscription, signs of life, somebody who may not come in.
import './page.mjs'
import { Client } from '@stomp/stompjs'
import { beatsOnce, packaged, pause, started, version } from './stage.mjs'

export const about = [
  `${packaged('rabbitmq-server')} with Web STOMP (one of two in a cluster), ${version('@stomp/stompjs')}.`,
  'ann and bob subscribe to /topic/r1, ann says something, both hear it; bob leaves; one with a wrong password comes.',
]

/** What every run makes anew. */
export const anew = [/session-[\w-]+/g, /message-id:[^\\]+/g, /session:[^\\]+/g]

export const lines = beatsOnce(/^[<>]j "\\n"$/)

const connected = (port, passcode) =>
  new Promise((done, fail) => {
    const client = new Client({
      brokerURL: `ws://127.0.0.1:${port}/ws`,
      connectHeaders: { login: 'guest', passcode, host: '/' },
      heartbeatIncoming: 500,
      heartbeatOutgoing: 500,
      reconnectDelay: 0,
      onConnect: () => done(client),
      onStompError: ({ headers }) => fail(new Error(headers.message)),
    })
    client.activate()
  })

/** Says it with a receipt, and waits for that. */
const received = (client, receipt, say) =>
  new Promise((done) => {
    client.watchForReceipt(receipt, done)
    say({ receipt })
  })

export async function play() {
  const relay = await started('rabbitmq')
  const ann = await connected(relay.port, 'guest')
  const bob = await connected(relay.port, 'guest')
  await received(ann, '1', (headers) => ann.subscribe('/topic/r1', () => {}, { id: 'r1', ...headers }))
  await received(bob, '1', (headers) => bob.subscribe('/topic/r1', () => {}, { id: 'r1', ...headers }))
  await received(ann, '2', (headers) =>
    ann.publish({ destination: '/topic/r1', body: 'hello "you" \\ and 😀', headers: { 'content-type': 'text/plain', ...headers } }),
  )
  await pause(50)
  await received(bob, '2', (headers) => bob.unsubscribe('r1', headers))
  // The server wants a sign of life each second.
  await pause(1500)
  await bob.deactivate()
  await ann.deactivate()
  await connected(relay.port, 'wrong').catch(() => {})
  await pause(50)
  return relay
}
