"""Moving bytes between two streams."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter

CHUNK = 256 * 1024


async def copy(reader: StreamReader, writer: StreamWriter) -> None:
    """Copies until the reader ends, then passes the half-close on."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        with contextlib.suppress(OSError):  # the other side has gone altogether
            writer.write_eof()


async def pump(a_reader: StreamReader, a_writer: StreamWriter, b_reader: StreamReader, b_writer: StreamWriter) -> None:
    """Joins two connections: each direction may end by itself; a broken one ends both."""
    directions = [
        asyncio.ensure_future(copy(a_reader, b_writer)),
        asyncio.ensure_future(copy(b_reader, a_writer)),
    ]
    try:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.gather(*directions)
    finally:
        for direction in directions:
            direction.cancel()
        a_writer.close()
        b_writer.close()
