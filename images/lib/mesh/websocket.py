"""The client's side of a WebSocket (RFC 6455), as much as a tunnel needs: binary frames out, any in, no extensions."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, unquote, urlsplit

ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
PIECE = 256 * 1024
LONGEST_TEXT = 64
"""The gate's texts are numbers."""
OPEN_SECONDS = 30.0


class Refused(Exception):
    """The other side did not open the WebSocket, or does not speak it; the text says how."""


class WebSocket:
    """An open WebSocket. One task may send while another receives."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes, kind: int = BINARY) -> None:
        """Sends one frame; returns once the system has room for more. Raises OSError where the connection is gone."""
        length = len(data)
        if length < 126:
            head = struct.pack("!BB", FINAL | kind, MASKED | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", FINAL | kind, MASKED | 126, length)
        else:
            head = struct.pack("!BBQ", FINAL | kind, MASKED | 127, length)
        key = os.urandom(4)
        self._writer.write(head + key + masked(data, key))
        await self._writer.drain()

    async def received(self) -> AsyncIterator[tuple[int, bytes]]:
        """
        Yields (BINARY, piece) and (TEXT, whole text) until the other side closes; a long frame comes in pieces.
        Raises OSError or EOFError where the connection breaks, Refused for what is no frame of a server.
        """
        while True:
            code, final, length = await self._head()
            if code == CLOSE:
                return
            if code == PING:
                await self.send(await self._reader.readexactly(length), PONG)
            elif code == PONG:
                await self._reader.readexactly(length)
            elif code == TEXT:
                if not final or length > LONGEST_TEXT:
                    raise Refused("a text that is no number")
                yield TEXT, await self._reader.readexactly(length)
            else:
                async for piece in self._pieces(length):
                    yield BINARY, piece

    async def _pieces(self, length: int) -> AsyncIterator[bytes]:
        while length > 0:
            piece = await self._reader.read(min(length, PIECE))
            if not piece:
                raise EOFError("the connection ended within a frame")
            length -= len(piece)
            yield piece

    async def _head(self) -> tuple[int, bool, int]:
        first, second = await self._reader.readexactly(2)
        code, length = first & 0x0F, second & 0x7F
        if second & MASKED or first & 0x70 or code not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise Refused("a frame that no server sends")
        if code & 0x8 and length > 125:
            raise Refused("a control frame that is too long")
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return code, bool(first & FINAL), length

    async def close(self) -> None:
        """Says goodbye where that still reaches somebody, and closes the connection."""
        with contextlib.suppress(OSError, RuntimeError):
            await asyncio.wait_for(self.send(struct.pack("!H", 1000), CLOSE), 1)
        self._writer.close()


async def opened(url: str, path: str, proxy: str | None = None) -> WebSocket:
    """
    Opens `path` at `url` (http://host[:port]), through an HTTP proxy where one is given.
    Raises OSError where nobody answers in time, Refused where the answer is another than 101.
    """
    place = urlsplit(url)
    via = urlsplit(proxy) if proxy else place
    target = f"{url.rstrip('/')}{path}" if proxy else path
    try:
        return await asyncio.wait_for(_opened(via, place.netloc, target), OPEN_SECONDS)
    except asyncio.TimeoutError:  # noqa: UP041 - another class before Python 3.11
        raise OSError(f"{place.netloc} does not answer") from None


async def _opened(via: SplitResult, host: str, target: str) -> WebSocket:
    reader, writer = await asyncio.open_connection(via.hostname, via.port or 80, limit=PIECE)
    try:
        nonce = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "Host": host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": nonce,
            **_proxy_credential(via),
        }
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        _check(await _answer(reader), nonce)
    except BaseException:
        writer.close()
        raise
    return WebSocket(reader, writer)


def _proxy_credential(place: SplitResult) -> dict[str, str]:
    if place.username is None:
        return {}
    credential = f"{unquote(place.username)}:{unquote(place.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(credential).decode()}"}


async def _answer(reader: StreamReader) -> list[str]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Refused("no answer of HTTP") from None
    return head.decode("latin-1").split("\r\n")


def _check(answer: list[str], nonce: str) -> None:
    status = answer[0].split(" ", 2)[1:2]
    if status != ["101"]:
        raise Refused(f"it was answered {' '.join(status) or 'nothing'}")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in answer[1:])}
    expected = base64.b64encode(hashlib.sha1(nonce.encode() + ACCEPT, usedforsecurity=False).digest()).decode()
    if fields.get("sec-websocket-accept") != expected:
        raise Refused("an upgrade that was not ours")


def masked(data: bytes, key: bytes) -> bytes:
    """Each byte with the key's next one (RFC 6455, 5.3); as one large number that is as fast as copying."""
    length = len(data)
    whole = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(length, "big")
