// A small chat server over npm `ws`, as somebody might have it: methods, ids, a broadcast to the room, and an error for
// those who are not in it. One process; prints its port.
import { WebSocketServer } from 'ws';

const rooms = new Map();

const members = (room) => rooms.get(room) ?? new Set();

function answer(socket, { id, method, params }) {
    if (method === 'room.join') {
        rooms.set(params.room, members(params.room).add(socket));
        return socket.send(JSON.stringify({ id, result: { room: params.room } }));
    }
    if (method === 'room.say' && members(params.room).has(socket)) {
        const message = JSON.stringify({ method: 'room.message', params: { room: params.room, text: params.text } });
        members(params.room).forEach((member) => member.send(message));
        return socket.send(JSON.stringify({ id, result: {} }));
    }
    socket.send(JSON.stringify({ id, error: { code: 'not_in_room' } }));
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
server.on('connection', (socket) => {
    socket.on('message', (data) => answer(socket, JSON.parse(data)));
    socket.on('close', () => rooms.forEach((room) => room.delete(socket)));
});
