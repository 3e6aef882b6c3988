// Rooms behind Pushpin: it keeps the sockets and streams, posts here what comes on a socket (WebSocket over HTTP), and is told
// what people are to hear (GRIP). By a socket: enter, leave, say; by server-sent events: GET /rooms/ROOM/events and POST
// /rooms/ROOM/messages. BACK names the ports to listen at, one for each Pushpin, CONTROL their control ports: Pushpins do not
// know of each other, so each is told everything. By which port one comes, so its instance is named, a or b.
import { createServer } from 'node:http'
import { encodeWebSocketEvents, GripInstruct, HttpStreamFormat, Item, Publisher, WebSocketMessageFormat } from '@fanoutio/grip'
import { getWebSocketContextFromNodeReq, isNodeReqWsOverHttp } from '@fanoutio/grip/node'

const publisher = new Publisher(
  process.env.CONTROL.split(',').map((port) => ({ control_uri: `http://127.0.0.1:${port}/` })),
)

/** Tells everybody in a room, by whatever they hear. */
async function tell(room, text) {
  const data = JSON.stringify({ room, said: text, timestamp: new Date().toISOString() })
  await publisher.publish(room, new Item([new WebSocketMessageFormat(data), new HttpStreamFormat(`data: ${data}\n\n`)]))
}

/** Does what somebody at a socket wants, and answers. */
async function serve(socket, { id, enter, leave, say, room }) {
  if (enter) socket.subscribe(enter)
  else if (leave) socket.unsubscribe(leave)
  else if (say) await tell(room, say)
  const known = enter ?? leave ?? say
  socket.send(JSON.stringify(known ? { id, ok: true } : { id, error: 'nothing to do' }))
}

/** What came on a socket, some messages at once; state is Pushpin's. */
async function hear(instance, request, response) {
  const socket = await getWebSocketContextFromNodeReq(request)
  if (socket.isOpening()) socket.accept()
  while (socket.canRecv()) {
    const message = socket.recv()
    if (message === null) socket.close()
    else await serve(socket, JSON.parse(message))
  }
  response.writeHead(200, { ...socket.toHeaders(), 'x-instance': instance })
  response.end(encodeWebSocketEvents(socket.getOutgoingEvents()))
}

async function said(room, request, response) {
  const parts = []
  for await (const part of request) parts.push(part)
  await tell(room, JSON.parse(Buffer.concat(parts)).text)
  response.writeHead(202).end()
}

function listen(instance, room, response) {
  const held = new GripInstruct(room)
  held.setHoldStream()
  response.writeHead(200, { ...held.toHeaders(), 'content-type': 'text/event-stream', 'x-instance': instance }).end()
}

process.env.BACK.split(',').forEach((port, n) => {
  const instance = 'ab'[n]
  createServer((request, response) => {
    const [, room, what] = request.url.match(/^\/rooms\/([^/?]+)\/(events|messages)/) ?? []
    // Whoever has gone without a goodbye is an error to the library, and needs no answer.
    if (isNodeReqWsOverHttp(request)) hear(instance, request, response).catch(() => response.end())
    else if (what === 'messages' && request.method === 'POST') said(room, request, response)
    else if (what === 'events' && request.method === 'GET') listen(instance, room, response)
    else response.writeHead(404).end()
  }).listen(Number(port), '127.0.0.1')
})
