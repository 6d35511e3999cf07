"""Carries each connection to a loopback port over one WebSocket to a peer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

from .websocket import TEXT, Refused, WebSocket, opened

CHUNK = 64 * 1024
WINDOW = 512 * 1024
"""Bytes under way that the peer has not taken: the gate ends a connection at twice as many."""
STALLED_SECONDS = 300.0
"""After which a peer that takes nothing counts as gone, as at the gate."""
MAX_CONNECTIONS = 64
ENDS = (OSError, EOFError, Refused)
WAY = re.compile(r"([1-9][0-9]{1,4})=([0-9])")


def ways_in(text: str) -> list[tuple[int, int]]:
    """(port, peer) of each way in a text such as `9310=0 9311=1`. Raises ValueError."""
    found = [WAY.fullmatch(way) for way in text.split()]
    if not found or not all(found):
        raise ValueError("MESH_LISTEN is no list of ways such as 1516=0")
    return [(int(way[1]), int(way[2])) for way in found if way]


class Tunnel:
    """
    Loopback ports that lead to peers.

    `url` is that of the gate (`http://mesh.internal`), `proxy` an HTTP proxy before it, `tell` takes lines for the log.
    """

    def __init__(self, url: str, tell: Callable[[str], None], proxy: str | None = None) -> None:
        self._url, self._tell, self._proxy = url, tell, proxy
        self._servers: list[asyncio.AbstractServer] = []
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, port: int, peer: int) -> int:
        """Has a loopback port (0: a free one) lead to the peer with this number; returns the port."""

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.ensure_future(self._carry(reader, writer, peer))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Ends all connections and listens no more."""
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, reader: StreamReader, writer: StreamWriter, peer: int) -> None:
        try:
            if len(self._open) > MAX_CONNECTIONS:
                raise Refused(f"there are {MAX_CONNECTIONS} connections already")
            far = await opened(self._url, f"/{peer}", self._proxy)
        except ENDS as error:
            self._tell(f"no way to node {peer}: {error}")
            writer.close()
            return
        try:
            await Passage(reader, writer, far).run()
        finally:
            writer.close()


class Passage:
    """One connection and its WebSocket; whichever side ends first ends both."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, far: WebSocket) -> None:
        self._reader, self._writer, self._far = reader, writer, far
        self._sent = self._taken = 0
        self._room = asyncio.Event()

    async def run(self) -> None:
        ways = [asyncio.ensure_future(way) for way in (self._out(), self._in())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await self._far.close()

    async def _out(self) -> None:
        with contextlib.suppress(*ENDS):
            while chunk := await self._reader.read(CHUNK):
                await self._wait_for_room()
                self._sent += len(chunk)
                await self._far.send(chunk)

    async def _wait_for_room(self) -> None:
        """A WebSocket knows no way to slow its sender down: the gate tells how much the peer took."""
        while self._sent - self._taken >= WINDOW:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), STALLED_SECONDS)
            except asyncio.TimeoutError:  # noqa: UP041 - another class before Python 3.11
                raise Refused("the peer takes nothing") from None

    async def _in(self) -> None:
        with contextlib.suppress(*ENDS, ValueError):
            async for kind, piece in self._far.received():
                if kind == TEXT:
                    self._taken = int(piece)
                    self._room.set()
                    continue
                self._writer.write(piece)
                await self._writer.drain()
