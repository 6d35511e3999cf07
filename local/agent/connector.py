"""The connector beside an agent: a loopback port whose connections travel as WebSockets to the edge on port 443.

It speaks as `cloudflared access tcp` does: one WebSocket a connection, the credential in two headers, raw bytes in
binary frames whose boundaries mean nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from local.agent.identity import Identity

CHUNK = 64 * 1024


class Connector:
    """Carries connections of one agent.

    Args:
        identity: whose credential opens the door.

    `refusal` holds why the edge last refused a connection, or is empty.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.refusal = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listens while the context is open and yields the port."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        credential = {
            "Cf-Access-Client-Id": self.identity.connector_id,
            "Cf-Access-Client-Secret": self.identity.connector_secret,
        }
        try:
            async with connect(
                self.identity.manager_url,
                additional_headers=credential,
                ping_interval=None,
                compression=None,
                close_timeout=1,
                proxy=None,
            ) as tunnel:
                self.refusal = ""
                await self._both_ways(reader, writer, tunnel)
        except (OSError, InvalidHandshake, TimeoutError) as problem:
            self.refusal = str(problem)
        finally:
            writer.close()

    async def _both_ways(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tunnel: ClientConnection
    ) -> None:
        ways = [asyncio.create_task(_up(reader, tunnel)), asyncio.create_task(_down(tunnel, writer))]
        _, open_still = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in open_still:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _up(reader: asyncio.StreamReader, tunnel: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        while chunk := await reader.read(CHUNK):
            await tunnel.send(chunk)


async def _down(tunnel: ClientConnection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        async for message in tunnel:
            writer.write(message if isinstance(message, bytes) else message.encode())
            await writer.drain()
