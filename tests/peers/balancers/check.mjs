// Opens WebSockets through balancers and says what each told of its instance: `node check.mjs NGINX1,… HAPROXY1,… A B`.
// The instances are Socket.IO servers that name themselves a and b in a header, and let people poll.
import assert from 'node:assert/strict'
import { WebSocket } from 'ws'

const [nginx, haproxy] = process.argv.slice(2, 4).map((ports) => ports.split(','))
const [a, b] = process.argv.slice(4)

/** The headers of a 101 through `port`, asked for from `localAddress` with `headers`. */
function opened(port, { localAddress, headers } = {}) {
  return new Promise((done, fail) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, { localAddress, headers })
    let seen
    socket.on('upgrade', (answer) => (seen = answer.headers))
    socket.on('open', () => {
      socket.terminate()
      done(seen)
    })
    socket.on('error', fail)
  })
}

/** What `pick` finds in eight openings, counted. */
async function counted(port, pick, options = () => undefined) {
  const counts = {}
  for (let n = 0; n < 8; n += 1) {
    const found = pick(await opened(port, options(n)))
    counts[found] = (counts[found] ?? 0) + 1
  }
  return counts
}

/** The status of the second request of a session that polls, with the cookies of the first or without. */
async function polledAgain(port, keepsCookies) {
  const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`
  const first = await fetch(url)
  const { sid } = JSON.parse((await first.text()).slice(1))
  const cookie = first.headers.getSetCookie().map((set) => set.split(';')[0]).join('; ')
  const second = await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '40', headers: keepsCookies ? { cookie } : {} })
  return second.status
}

const route = (headers, name) => headers['set-cookie']?.[0].match(`${name}=([^;]*)`)?.[1]
const fromEach = (n) => ({ localAddress: `127.0.0.${n + 1}` })
const fromEachNet = (n) => ({ localAddress: `127.0.${n + 1}.1` })

/** What is claimed, and whether it is so. */
const CLAIMS = {
  'nginx: a header of the application passes': async () =>
    assert.deepEqual(await counted(nginx[0], (h) => h['x-instance']), { a: 4, b: 4 }),
  'nginx: add_header without always is not on a 101': async () =>
    assert.deepEqual(await counted(nginx[0], (h) => h['x-upstream']), { undefined: 8 }),
  'nginx: add_header with always is': async () =>
    assert.deepEqual(await counted(nginx[1], (h) => h['x-upstream']), { [a]: 4, [b]: 4 }),
  'nginx: ip_hash takes addresses of one /24 for one client': async () =>
    assert.equal(Object.keys(await counted(nginx[2], (h) => h['x-upstream'], fromEach)).length, 1),
  'nginx: ip_hash spreads addresses of several /24': async () =>
    assert.equal(Object.keys(await counted(nginx[2], (h) => h['x-upstream'], fromEachNet)).length, 2),
  'nginx: a cookie keeps a client at its instance': async () => {
    for (let n = 0; n < 8; n += 1) {
      const first = await opened(nginx[3])
      const headers = { cookie: `route=${route(first, 'route')}` }
      const kept = await counted(nginx[3], (h) => h['x-instance'], () => ({ headers }))
      assert.deepEqual(kept, { [first['x-instance']]: 8 })
    }
  },
  'nginx: in turn, whoever polls is unknown at his second request': async () =>
    assert.equal(await polledAgain(nginx[0], true), 400),
  'nginx: with the cookie he is known': async () => {
    for (let n = 0; n < 8; n += 1) assert.equal(await polledAgain(nginx[3], true), 200)
  },
  'haproxy: with the cookie whoever polls is known': async () => {
    for (let n = 0; n < 8; n += 1) assert.equal(await polledAgain(haproxy[1], true), 200)
  },
  'haproxy: without showing the cookie he is not': async () => assert.equal(await polledAgain(haproxy[1], false), 400),
  'haproxy: a header of the application passes': async () =>
    assert.deepEqual(await counted(haproxy[0], (h) => h['x-instance']), { a: 4, b: 4 }),
  'haproxy: set-header with the name of the instance is on a 101': async () =>
    assert.deepEqual(await counted(haproxy[0], (h) => h['x-instance-of-balancer']), { a: 4, b: 4 }),
  'haproxy: the cookie on a 101 names the instance': async () =>
    assert.deepEqual(await counted(haproxy[1], (h) => `${route(h, 'ROUTE')} is ${h['x-instance']}`), { 'a is a': 4, 'b is b': 4 }),
  'haproxy: the cookie keeps a client at its instance': async () =>
    assert.deepEqual(await counted(haproxy[1], (h) => h['x-instance'], () => ({ headers: { cookie: 'ROUTE=b' } })), { b: 8 }),
  'haproxy: balance source takes all clients of one address to one instance': async () =>
    assert.equal(Object.keys(await counted(haproxy[2], (h) => h['x-instance'])).length, 1),
  'haproxy: balance source spreads addresses of one /24': async () =>
    assert.equal(Object.keys(await counted(haproxy[2], (h) => h['x-instance'], fromEach)).length, 2),
}

for (const [claim, holds] of Object.entries(CLAIMS)) {
  try {
    await holds()
    console.log(`PASS  ${claim}`)
  } catch (error) {
    console.log(`FAIL  ${claim}: ${error.message.replace(/\n+/g, ' ')}`)
    process.exitCode = 1
  }
}
