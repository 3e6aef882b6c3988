// A server over npm `ws`: greets with a header, repeats what it hears, and does a few things it is asked to.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) }, () =>
  console.log(server.address().port));
server.on('connection', (socket, request) => {
  socket.send(`mark ${request.headers['x-mark'] ?? 'none'}`);
  socket.on('message', (data, binary) => {
    const text = data.toString();
    if (binary) return socket.send(data, { binary });
    if (text === 'binary') return socket.send(Buffer.from([0, 1, 254, 255]));
    if (text.startsWith('close ')) return socket.close(Number(text.slice(6)));
    let said;
    try { said = JSON.parse(text).say; } catch { /* a line like any other */ }
    socket.send(said === undefined ? text : JSON.stringify({ said }));
  });
});
process.on('SIGTERM', () => {
  for (const socket of server.clients) socket.close(1012, 'restarting');
  server.close(() => process.exit(0));
});
