"""Rooms over SignalR as aiosignalr serves it: one process, a hub with Join, Leave and Say at /hub. Prints its port."""

import asyncio

from aiosignalr.server import Hub, SignalRServer


class Rooms(Hub):
    """Groups by name; who says something hears it too."""

    async def join(self, room: str) -> None:
        await self.groups.add(room)

    async def leave(self, room: str) -> None:
        await self.groups.remove(room)

    async def say(self, room: str, text: str) -> None:
        await self.clients.group(room).send("message", room, text)


async def main() -> None:
    _, port = await SignalRServer(Rooms).serve("127.0.0.1", 0, path="/hub")
    print(port, flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
