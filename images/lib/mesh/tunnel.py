"""Carries each connection to a loopback port over one WebSocket to a peer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from typing import NamedTuple, Optional

from .websocket import TEXT, Refused, WebSocket, opened

CHUNK = 64 * 1024
WINDOW = 512 * 1024
"""Bytes under way that the peer has not taken: the gate ends a connection at twice as many."""
STALLED_SECONDS = 300.0
"""After which a peer that takes nothing counts as gone, as at the gate."""
MAX_CONNECTIONS = 64
ENDS = (OSError, EOFError, Refused)
WAY = re.compile(r"([1-9][0-9]{1,4})=(?:([0-9])|self:([1-9][0-9]{1,4}))")


class Way(NamedTuple):
    """A loopback port that leads to the peer with a number, or, where `peer` is None, to the node's `own` port."""

    port: int
    peer: Optional[int]  # noqa: UP045 - no such operator between types before Python 3.10
    own: int = 0


def ways_in(text: str) -> list[Way]:
    """
    The ways in a text such as `9310=0 9311=self:9300`. Raises ValueError.

    A node of OpenSearch dials its own published address too, which is the same port on every node: there it leads back.
    """
    found = [WAY.fullmatch(way) for way in text.split()]
    if not found or not all(found):
        raise ValueError("MESH_LISTEN is no list of ways such as 1516=0")
    return [Way(int(way[1]), int(way[2]) if way[2] else None, int(way[3] or 0)) for way in found if way]


class Tunnel:
    """
    Loopback ports that lead to peers.

    `url` is that of the gate (`http://mesh.internal`), `proxy` an HTTP proxy before it, `tell` takes lines for the log.
    """

    def __init__(self, url: str, tell: Callable[[str], None], proxy: str | None = None) -> None:
        self._url, self._tell, self._proxy = url, tell, proxy
        self._servers: list[asyncio.AbstractServer] = []
        self._carried: set[asyncio.Task[None]] = set()

    async def listen(self, port: int, peer: int) -> int:
        """Has a loopback port (0: a free one) lead to the peer with this number; returns the port."""

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            self._keep(asyncio.ensure_future(self._carry(reader, writer, peer)))

        return await self._open(accept, port)

    async def lead_back(self, port: int, own: int) -> int:
        """Has a loopback port (0: a free one) lead to another port of this node; returns the port."""

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            self._keep(asyncio.ensure_future(self._return(reader, writer, own)))

        return await self._open(accept, port)

    async def _open(self, accept: Callable[[StreamReader, StreamWriter], None], port: int) -> int:
        server = await asyncio.start_server(accept, "127.0.0.1", port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def close(self) -> None:
        """Ends all connections and listens no more."""
        for server in self._servers:
            server.close()
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    async def _carry(self, reader: StreamReader, writer: StreamWriter, peer: int) -> None:
        try:
            if len(self._carried) > MAX_CONNECTIONS:
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

    async def _return(self, reader: StreamReader, writer: StreamWriter, own: int) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", own)
        except OSError as error:
            self._tell(f"no way to this node's own port {own}: {error}")
            writer.close()
            return
        try:
            ways = [asyncio.ensure_future(copied(*pair)) for pair in ((reader, forth), (back, writer))]
            await first_of(ways)
        finally:
            forth.close()
            writer.close()


async def first_of(ways: list[asyncio.Task[None]]) -> None:
    """Returns when the first of them ends, with which all do."""
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def copied(reader: StreamReader, writer: StreamWriter) -> None:
    """Brings all that is read until either side ends."""
    with contextlib.suppress(*ENDS):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()


class Passage:
    """One connection and its WebSocket; whichever side ends first ends both."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, far: WebSocket) -> None:
        self._reader, self._writer, self._far = reader, writer, far
        self._sent = self._taken = 0
        self._room = asyncio.Event()

    async def run(self) -> None:
        try:
            await first_of([asyncio.ensure_future(way) for way in (self._out(), self._in())])
        finally:
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
