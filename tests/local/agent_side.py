"""An agent on the channel, built on `local.agent.frames`, which shares no code with the manager."""

import asyncio
import struct
from typing import Self

from local.agent.frames import Channel
from local.agent.shared_file import MISSING, SharedFile

STARTUP = '#!-agent startup {"version":"v4.14.7"}'
SHUTDOWN = "#!-agent shutdown "
ACKNOWLEDGED = "#!-agent ack "
UNAME = "Linux |web-1 |6.1.0 |#1 SMP |x86_64 [Debian GNU/Linux|debian: 12 (bookworm)] - Wazuh v4.14.7"
NO_FILES = f"{MISSING} merged.mg"
DEADLINE = 10.0


class AgentSide:
    """One socket of one agent. Several may share a `channel`, and with it the agent's counters."""

    def __init__(self, port: int, id: str, key: str, channel: Channel | None = None) -> None:
        self.port, self.channel = port, channel or Channel(id, key)
        self.shared_file = SharedFile()

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def send(self, message: str) -> bytes:
        """Sends a message; the frame, so that a test can send it again."""
        frame = self.channel.seal(message)
        await self.send_raw(frame)
        return frame

    async def send_raw(self, frame: bytes) -> None:
        self.writer.write(frame)
        await self.writer.drain()

    async def payload(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            (length,) = struct.unpack("<I", await self.reader.readexactly(4))
            return await self.reader.readexactly(length)

    async def receive(self) -> str:
        message = self.channel.open(await self.payload())
        self.shared_file.take(message)
        return message

    async def ask(self, message: str) -> str:
        await self.send(message)
        return await self.receive()

    async def ping(self) -> None:
        """A clear ping; its answer comes after those to everything sent before."""
        await self.send_raw(struct.pack("<I", 5) + b"#ping")
        assert await self.payload() == b"#pong"

    async def start(self) -> None:
        """Startup and first keepalive, as a real agent; afterwards it is active and has its group's file."""
        assert await self.ask(STARTUP) == ACKNOWLEDGED
        assert await self.ask(keepalive()) == ACKNOWLEDGED
        while self.shared_file.sum == MISSING:
            await self.receive()

    async def keep_alive(self) -> None:
        """A later keepalive, when the manager has nothing to push."""
        assert await self.ask(keepalive(f"{self.shared_file.sum} merged.mg")) == ACKNOWLEDGED

    async def log(self, line: str, location: str = "/var/log/auth.log") -> None:
        await self.send(f"1:{location}:{line}")

    async def is_closed(self) -> bool:
        """Whether the manager ends the connection, within the deadline."""
        async with asyncio.timeout(DEADLINE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


def keepalive(files: str = NO_FILES) -> str:
    return f'#!-{UNAME} / ab73af41699f13fdd81903b5f23d8d00\n{files}\n#"_agent_ip":10.0.0.5\n'
