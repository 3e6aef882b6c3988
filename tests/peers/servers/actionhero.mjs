// ActionHero as it ships, with its chat rooms: room-0 to room-9 are there from the start, as it creates none by joining.
// REDIS_URL is the path of its Redis, which it needs. INSTANCE is what a process calls itself. Prints its port.
import { createRequire } from 'node:module'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
// Its own configuration is that of a new project; what differs is said here.
process.chdir(dirname(require.resolve('actionhero/package.json')))
const place = mkdtempSync(join(tmpdir(), 'actionhero-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))
const redis = { path: process.env.REDIS_URL }
delete process.env.REDIS_URL // it would be taken for a URL
process.env.ACTIONHERO_TITLE = process.env.INSTANCE ?? 'a'
process.env.LOG_LEVEL ??= 'crit' // it logs to where the port is told
const { Process, api, config } = require('actionhero')
const { general } = config
for (const name of ['log', 'pid', 'public']) general.paths[name] = [place]
general.serverToken = 'of-these-rooms-only'
general.startingChatRooms = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`room-${n}`, {}]))
for (const name of ['client', 'subscriber', 'tasks']) config.redis[name].args = [redis]
config.routes = {}
Object.assign(config.web, { port: 0, bindIP: '127.0.0.1' })
const app = new Process()
app.registerProcessSignals((code) => process.exit(code))
await app.start()
console.log(api.servers.servers.web.server.address().port)
