// A relay that writes down what passes through it: requests with their answers, and every message of a WebSocket both
// ways. It changes nothing that the ends can see but the address. One section per connection, in the order of opening.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'

/** Headers of a protocol; the rest is of HTTP or of the client library. */
const TOLD = [
  'authorization', 'content-type', 'cookie', 'last-event-id', 'mercure-last-event-id', 'set-cookie', 'x-instance',
]

/** One message as one line: as it is, or a JSON string where it holds what a line cannot; binary ones are marked. */
function line(direction, data, binary) {
  const text = data.toString('utf8')
  const plain = !binary && !/[\x00-\x1f]/.test(text)
  return plain ? `${direction} ${text}` : `${direction}${binary ? 'b' : 'j'} ${JSON.stringify(text)}`
}

const told = (headers) =>
  TOLD.filter((name) => headers[name]).map((name) => `# ${name}: ${headers[name]}`)

export class Relay {
  #sections = []
  #target
  #http
  #near = new Set()

  /** Listens before `target` (`host:port`). */
  static async before(target) {
    const relay = new Relay()
    relay.#target = target
    relay.#http = createServer((asked, answer) => relay.#answer(asked, answer))
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, handleProtocols: (offered) => [...offered][0] })
    relay.#http.on('upgrade', (asked, socket, head) => relay.#upgrade(sockets, asked, socket, head))
    relay.#http.listen(0, '127.0.0.1')
    await once(relay.#http, 'listening')
    relay.port = relay.#http.address().port
    return relay
  }

  #section(title) {
    const lines = [title]
    this.#sections.push(lines)
    return lines
  }

  #upgrade(sockets, asked, socket, head) {
    const protocols = asked.headers['sec-websocket-protocol']?.split(/, */) ?? []
    const lines = this.#section(`== GET ${asked.url}`)
    if (protocols.length) lines.push(`# sec-websocket-protocol: ${protocols.join(', ')}`)
    lines.push(...told(asked.headers))
    const headers = Object.fromEntries(['cookie', 'authorization', 'origin'].flatMap((n) => (asked.headers[n] ? [[n, asked.headers[n]]] : [])))
    const far = new WebSocket(`ws://${this.#target}${asked.url}`, protocols, { headers, perMessageDeflate: false })
    far.on('upgrade', (answer) => lines.push(...told(answer.headers)))
    far.on('unexpected-response', (_, answer) => {
      lines.push(`= ${answer.statusCode}`)
      socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    })
    far.on('error', () => {})
    // What comes before the client has its answer waits.
    const early = []
    far.on('message', (data, binary) => early.push([data, binary]))
    far.on('open', () =>
      sockets.handleUpgrade(asked, socket, head, (near) => {
        far.removeAllListeners('message')
        this.#near.add(near)
        const hand = (direction, to) => (data, binary) => {
          lines.push(line(direction, data, binary))
          to.send(data, { binary })
        }
        early.forEach(([data, binary]) => hand('<', near)(data, binary))
        far.on('message', hand('<', near))
        near.on('message', hand('>', far))
        const end = (direction, to) => (code, reason) => {
          if (to.readyState === WebSocket.OPEN) {
            lines.push(`${direction}x ${code}${reason.length ? ` ${reason}` : ''}`)
            code === 1005 || code === 1006 ? to.close() : to.close(code, reason)
          }
        }
        far.on('close', end('<', near))
        near.on('close', end('>', far))
      }),
    )
  }

  #answer(asked, answer) {
    const lines = this.#section(`== ${asked.method} ${asked.url}`)
    lines.push(...told(asked.headers))
    const [host, port] = this.#target.split(':')
    const far = request({ host, port, method: asked.method, path: asked.url, headers: asked.headers }, (got) => {
      lines.push(`= ${got.statusCode}`, ...told(got.headers))
      answer.writeHead(got.statusCode, got.headers)
      got.on('data', (data) => {
        lines.push(line('<', data, false))
        answer.write(data)
      })
      got.on('end', () => answer.end())
      got.on('error', () => answer.destroy())
    })
    far.on('error', () => answer.destroy())
    answer.on('close', () => far.destroy())
    asked.on('data', (data) => {
      lines.push(line('>', data, false))
      far.write(data)
    })
    asked.on('end', () => far.end())
  }

  /** Everything written down so far, as the text of a transcript. */
  text(about) {
    const parts = [about.map((said) => `# ${said}`), ...this.#sections]
    return parts.map((lines) => lines.join('\n')).join('\n\n') + '\n'
  }

  /** Cuts every connection without a word, as a network does. */
  cut() {
    this.#near.forEach((socket) => socket.terminate())
    this.#near.clear()
    this.#http.closeAllConnections()
  }

  close() {
    this.#http.close()
    this.cut()
  }
}
