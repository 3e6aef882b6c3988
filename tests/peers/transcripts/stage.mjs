// What a recording needs: a server as a child process that ends with it, a relay before it, tokens, patience.
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { WebSocketServer } from 'ws'
import { Relay } from './relay.mjs'

const SECRET = 'a-secret-of-the-recordings-only-32b'

/** Waits so many milliseconds. */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** Signs of life once, behind the rest: where they stand and how many there are is chance. */
export const beatsOnce = (beats) => (messages) => [
  ...messages.filter((line) => !beats.test(line)),
  ...new Set(messages.filter((line) => beats.test(line))),
]

/** A version of a package that is installed here. */
export const version = (name) =>
  `${name} ${JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version}`

/** A token of `user`, signed with HS256, valid until 2100. */
export function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, exp: 4102444800 })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

/** Children and relays of this recording. */
const running = []

/** Starts a program that prints its port, and a relay before it. */
export async function served(command, args, environment) {
  const env = { ...process.env, JWT_SECRET: SECRET, ...environment }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(() => child.kill())
  const [port] = await new Promise((done) => createInterface(child.stdout).once('line', (line) => done([line])))
  return before(`127.0.0.1:${port}`)
}

/** Starts a server as `start NAME` does, and a relay before its first instance. */
export async function started(name) {
  const child = spawn(process.env.START, [name], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(() => child.kill())
  let first
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('A=')) first = line.slice(2)
    if (line === 'ready') return before(first)
  }
  throw new Error(`${name} did not start`)
}

/** A version of one of Debian's packages that are unpacked here. */
export function packaged(name) {
  const file = readdirSync(`${process.env.DEBIAN}/archives`).find((file) => file.startsWith(`${name}_`))
  return `${name} ${decodeURIComponent(file.split('_')[1])} (Debian)`
}

/** Starts a Redis of its own; where it listens is a path. */
export async function redis() {
  const place = mkdtempSync(join(tmpdir(), 'redis-'))
  const socket = join(place, 'redis.sock')
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', ''], { stdio: 'ignore' })
  running.push(() => child.kill(), () => rmSync(place, { recursive: true }))
  while (!existsSync(socket)) await pause(10)
  return socket
}

/** What a recording says of a server that is not the real one. */
export const FAKE = 'The server is a fake of these recordings, written from the public description of the protocol'

/**
 * A fake server with a relay before it: `met(socket, request, everybody)` for every WebSocket, `answered(request, response)`
 * for other requests.
 */
export async function faked(met, answered, options) {
  const http = createServer(answered)
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, ...options })
  sockets.on('connection', (socket, request) => met(socket, request, sockets.clients))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  running.push(() => http.close())
  return before(`127.0.0.1:${http.address().port}`)
}

/** A relay before something that listens. */
export async function before(target) {
  const relay = await Relay.before(target)
  running.push(() => relay.close())
  return relay
}

/** Ends everything that was started. */
export function end() {
  running.splice(0).forEach((stop) => stop())
}
