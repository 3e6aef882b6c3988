"""The same small chat server over PyPI `websockets`. One process; prints its port."""

import asyncio
import json
from collections import defaultdict

from websockets.asyncio.server import broadcast, serve

rooms = defaultdict(set)


async def answer(socket, request):
    room = request["params"]["room"]
    reply = {"id": request["id"]}
    if request["method"] == "room.join":
        rooms[room].add(socket)
        reply["result"] = {"room": room}
    elif request["method"] == "room.say" and socket in rooms[room]:
        message = {"method": "room.message", "params": {"room": room, "text": request["params"]["text"]}}
        broadcast(rooms[room], json.dumps(message))
        reply["result"] = {}
    else:
        reply["error"] = {"code": "not_in_room"}
    await socket.send(json.dumps(reply))


async def talk(socket):
    try:
        async for frame in socket:
            await answer(socket, json.loads(frame))
    finally:
        for members in rooms.values():
            members.discard(socket)


async def main():
    async with serve(talk, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
