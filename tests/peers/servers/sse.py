"""The same rooms as better-sse.mjs over sse-starlette: one process, ids, Last-Event-ID. Prints its port."""

import asyncio
import collections
import datetime
import json
import os
import socket

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


class Room:
    """Who listens, and what was said last."""

    def __init__(self):
        self.last = 0
        self.kept = collections.deque(maxlen=1000)
        self.listeners = set()

    def say(self, message):
        self.last += 1
        event = (self.last, json.dumps(message, ensure_ascii=False))
        self.kept.append(event)
        for listener in self.listeners:
            listener.put_nowait(event)


rooms = collections.defaultdict(Room)


async def events(request):
    room = rooms[request.path_params["room"]]
    last = int(request.headers.get("last-event-id", room.last))
    listener = asyncio.Queue()
    for event in room.kept:
        if event[0] > last:
            listener.put_nowait(event)
    room.listeners.add(listener)

    async def stream():
        try:
            while True:
                number, data = await listener.get()
                yield ServerSentEvent(data, event="message", id=str(number))
        finally:
            room.listeners.discard(listener)

    return EventSourceResponse(stream(), ping=int(os.environ.get("PING_SECONDS", 15)))


async def messages(request):
    name = request.path_params["room"]
    said = await request.json()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    rooms[name].say({"room": name, "text": said["text"], "timestamp": now})
    return Response(status_code=202)


app = Starlette(
    routes=[Route("/rooms/{room}/events", events), Route("/rooms/{room}/messages", messages, methods=["POST"])]
)
listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listening.getsockname()[1], flush=True)
uvicorn.run(app, fd=listening.fileno(), log_level="warning", access_log=False)
