"""Questions between indexers: JSON behind a length, an answer to each, over TLS."""

import asyncio
import contextlib
import json
import re
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from typing import Any

LENGTH = struct.Struct("!I")
MAX_BYTES = 512 * 1024 * 1024
COMMON_NAME = re.compile(r"indexer-([0-9])")

Message = dict[str, Any]
# (the number of whoever asks, as its certificate says; the question) -> the answer
Answer = Callable[[int, Message], Awaitable[Message]]


class PeerLost(Exception):
    """The other node does not answer."""


async def send(writer: StreamWriter, message: Message) -> None:
    body = json.dumps(message, separators=(",", ":")).encode()
    writer.write(LENGTH.pack(len(body)) + body)
    await writer.drain()


async def receive(reader: StreamReader) -> Message:
    """The next message. Raises EOFError or OSError where the connection ends."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > MAX_BYTES:
        raise EOFError(f"a message of {length} bytes")
    found: Message = json.loads(await reader.readexactly(length))
    return found


class Channel:
    """A connection to one peer, opened when it is needed; one question at a time."""

    def __init__(self, port: int, tls: ssl.SSLContext, seconds: float) -> None:
        self._port, self._tls, self._seconds = port, tls, seconds
        self._open: tuple[StreamReader, StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, **message: Any) -> Message:
        """The answer. Raises PeerLost."""
        async with self._turn:
            try:
                return await asyncio.wait_for(self._ask(message), self._seconds)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.close()
                raise PeerLost(repr(error)) from error
            except asyncio.CancelledError:
                self.close()
                raise

    async def _ask(self, message: Message) -> Message:
        if self._open and (self._open[0].at_eof() or self._open[1].is_closing()):
            self.close()  # the peer was another one then
        if self._open is None:
            self._open = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._tls, server_hostname="indexer"
            )
        if self._open[1].get_extra_info("peercert") is None:
            raise EOFError("the connection ended before its handshake did")  # which asyncio does not tell
        reader, writer = self._open
        await send(writer, message)
        return await receive(reader)

    def close(self) -> None:
        if self._open:
            self._open[1].close()
        self._open = None


async def serve_peer(reader: StreamReader, writer: StreamWriter, answer: Answer) -> None:
    """Answers one peer until it goes; who has no node's certificate is not heard."""
    try:
        with contextlib.suppress(OSError, EOFError, ValueError):
            peer = _number_in(writer.get_extra_info("peercert") or {})
            while peer is not None:
                await send(writer, await answer(peer, await receive(reader)))
    finally:
        writer.close()


def _number_in(certificate: Message) -> int | None:
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    found = COMMON_NAME.fullmatch(names[0]) if len(names) == 1 else None
    return int(found[1]) if found else None
