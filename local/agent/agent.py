"""The agent itself: startup, keepalives, events, and coming back after a loss."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable

from local.agent.frames import BrokenFrame, Channel
from local.agent.identity import Identity
from local.agent.shared_file import SharedFile

KEEPALIVE_SECONDS = 10.0
ANSWER_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 5.0
ACKNOWLEDGED = "#!-agent ack "
STARTUP = '#!-agent startup {"version":"v4.14.7"}'
SYSTEM = "Linux |%s |6.1.0-18-amd64 |#1 SMP PREEMPT_DYNAMIC |x86_64 [Debian GNU/Linux|debian: 12 (bookworm)]"


Lines = asyncio.Queue[tuple[str, str]]  # (location, line)


class Lost(Exception):
    """The connection to the manager ended or was never made."""


class Agent:
    """One enrolled agent that reports lines.

    Args:
        identity: from enrollment.
        port: where its connector listens on the loopback address.
        tell: called with `connected agent=<id>` and the like.
    """

    def __init__(self, identity: Identity, port: int, tell: Callable[[str], None]) -> None:
        self.identity, self.port, self.tell = identity, port, tell
        self.channel = Channel(identity.agent_id, identity.key)
        self.shared_file = SharedFile()
        self.unsent: str | None = None
        self.file_came = asyncio.Event()

    async def run(self, lines: Lines) -> None:
        """Reports what comes for ever and reconnects after each loss, soon at first."""
        pause = 0.2
        while True:
            try:
                async with self._session() as (reader, writer):
                    pause = 0.2
                    await self._report(reader, writer, lines)
            except (Lost, OSError, BrokenFrame) as problem:
                self.tell(f"disconnected agent={self.identity.agent_id} {problem}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await self._ask(reader, writer, STARTUP)
            await self._ask(reader, writer, self._keepalive())
            self.tell(f"connected agent={self.identity.agent_id}")
            yield reader, writer
        finally:
            writer.close()

    async def _report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: Lines) -> None:
        duties = [
            asyncio.create_task(self._listen(reader)),
            asyncio.create_task(self._keep_alive(writer)),
            asyncio.create_task(self._send_lines(writer, lines)),
        ]
        try:
            done, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
            for duty in done:
                duty.result()
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: str) -> None:
        await self._send(writer, message)
        async with asyncio.timeout(ANSWER_SECONDS):
            while (answer := await self._receive(reader)) != ACKNOWLEDGED:
                if answer.startswith("#!-err"):
                    raise Lost(answer)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            await self._receive(reader)

    async def _keep_alive(self, writer: asyncio.StreamWriter) -> None:
        while True:
            told = self.shared_file.sum
            with contextlib.suppress(TimeoutError):
                # a real agent starts anew with a file that has come, and tells of itself then
                await asyncio.wait_for(self._await_file_beyond(told), KEEPALIVE_SECONDS)
            await self._send(writer, self._keepalive())

    async def _await_file_beyond(self, known: str) -> None:
        while self.shared_file.sum == known:
            self.file_came.clear()
            await self.file_came.wait()

    async def _send_lines(self, writer: asyncio.StreamWriter, lines: Lines) -> None:
        while True:
            if self.unsent is None:
                location, line = await lines.get()
                self.unsent = f"1:{location}:{line}"
            await self._send(writer, self.unsent)
            self.unsent = None

    async def _send(self, writer: asyncio.StreamWriter, message: str) -> None:
        writer.write(self.channel.seal(message))
        await writer.drain()

    async def _receive(self, reader: asyncio.StreamReader) -> str:
        try:
            (length,) = struct.unpack("<I", await reader.readexactly(4))
            message = self.channel.open(await reader.readexactly(length))
        except asyncio.IncompleteReadError as end:
            raise Lost("the connection ended") from end
        self.shared_file.take(message)
        self.file_came.set()
        return message

    def _keepalive(self) -> str:
        system = f"{SYSTEM % self.identity.name} - Wazuh v4.14.7 / ab73af41699f13fdd81903b5f23d8d00"
        labels = "".join(f'"{key}":{text}\n' for key, text in self.shared_file.labels.items())
        return f'#!-{system}\n{labels}{self.shared_file.sum} merged.mg\n#"_agent_ip":127.0.0.1\n'
