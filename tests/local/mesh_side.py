"""Plays the gate's part of `mesh.internal`: joins a WebSocket to a connection."""

import asyncio
from asyncio import StreamReader, StreamWriter

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed


async def carried(connection: ServerConnection, reader: StreamReader, writer: StreamWriter) -> None:
    """Carries bytes both ways until either side ends."""

    async def down() -> None:
        while piece := await reader.read(65536):
            await connection.send(piece)
        await connection.close()

    sending = asyncio.ensure_future(down())
    try:
        async for piece in connection:
            writer.write(piece)
    except ConnectionClosed:
        pass
    finally:
        writer.close()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
