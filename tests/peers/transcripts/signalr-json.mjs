// The negotiation, the handshake, a group joined by an invocation, something said and heard, a heartbeat, a mistake, the end.
import './page.mjs'
import signalr from '@microsoft/signalr'
import { FAKE, faked, pause, token, version } from './stage.mjs'

const { HubConnectionBuilder, LogLevel } = signalr

export const about = [
  `${version('@microsoft/signalr')} (the client, JSON).`,
  `${FAKE}: dotnet/aspnetcore, "HubProtocol" and "TransportProtocols".`,
  'ann and bob join r1 by invoking Join, ann invokes Say, both hear message; bob invokes Leave and what is not there; ann stops.',
]

/** What every run makes anew. */
export const anew = []

const END = '\x1e'
let ids = 0

function answered(request, response) {
  const id = `connection-${(ids += 1)}`
  const availableTransports = [{ transport: 'WebSockets', transferFormats: ['Text', 'Binary'] }]
  const told = { negotiateVersion: 1, connectionId: id, connectionToken: `token-${ids}`, availableTransports }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told))
}

function met(socket, _, everybody) {
  const tell = (to, message) => to.send(JSON.stringify(message) + END)
  const pings = setInterval(() => tell(socket, { type: 6 }), 600)
  socket.on('close', () => clearInterval(pings))
  socket.groups = new Set()
  const methods = {
    Join: (room) => void socket.groups.add(room),
    Leave: (room) => void socket.groups.delete(room),
    Say: (room, text) =>
      everybody.forEach((member) => member.groups.has(room) && tell(member, { type: 1, target: 'message', arguments: [room, text] })),
  }
  const heard = ({ protocol, type, invocationId, target, arguments: words }) => {
    if (protocol) return tell(socket, {})
    if (type !== 1) return
    const method = methods[target]
    method?.(...words)
    const answer = method ? { result: null } : { error: `Failed to invoke '${target}' due to an error on the server. HubException: Method does not exist.` }
    tell(socket, { type: 3, invocationId, ...answer })
  }
  socket.on('message', (data) => data.toString().split(END).slice(0, -1).forEach((message) => heard(JSON.parse(message))))
}

export async function play() {
  const relay = await faked(met, answered)
  const enter = async (user) => {
    const connection = new HubConnectionBuilder()
      .withUrl(`http://127.0.0.1:${relay.port}/hub`, { accessTokenFactory: () => token(user) })
      .withKeepAliveInterval(400)
      .configureLogging(LogLevel.None)
      .build()
    connection.on('message', () => {})
    await connection.start()
    return connection
  }
  const ann = await enter('ann')
  await ann.invoke('Join', 'r1')
  const bob = await enter('bob')
  await bob.invoke('Join', 'r1')
  await ann.invoke('Say', 'r1', 'hello "you" \\ and 😀')
  await pause(700)
  await bob.invoke('Leave', 'r1')
  await bob.invoke('Shout', 'r1').catch(() => {})
  await bob.stop()
  await ann.stop()
  await pause(100)
  return relay
}
