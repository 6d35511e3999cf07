"""Frames between managers: 4 bytes counter, 4 bytes size of the payload, 12 bytes command, the payload under Fernet."""

import asyncio
import base64
import secrets
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

from cryptography.fernet import Fernet, InvalidToken

HEAD = struct.Struct("!2I12s")
COMMAND_LENGTH = 12
MAX_PAYLOAD = 16 * 1024 * 1024
ANSWER_SECONDS = 20.0
OK, ERROR = "ok", "err"

# (command, payload) -> payload of the answer; a ClusterError becomes an `err`
Answer = Callable[[str, bytes], Awaitable[bytes]]


class ClusterError(Exception):
    """A refused or impossible exchange; the text goes to the other side."""


class LinkLost(Exception):
    """The connection ended, or the other side does not have the key."""


def fernet(key: str) -> Fernet:
    """The cipher of a cluster's key of 32 characters."""
    return Fernet(base64.urlsafe_b64encode(key.encode()))


def packed(counter: int, command: str, payload: bytes, cipher: Fernet) -> bytes:
    """One frame; a command shorter than its field ends in a blank and dashes."""
    sealed = cipher.encrypt(payload)
    name = command.encode() + b" "
    return HEAD.pack(counter, len(sealed), name.ljust(COMMAND_LENGTH, b"-")[:COMMAND_LENGTH]) + sealed


async def read_frame(reader: StreamReader, cipher: Fernet) -> tuple[int, str, bytes]:
    """Counter, command and payload of the next frame. Raises LinkLost."""
    try:
        counter, size, name = HEAD.unpack(await reader.readexactly(HEAD.size))
        if size > MAX_PAYLOAD:
            raise LinkLost(f"a frame of {size} bytes")
        return counter, name.partition(b" ")[0].decode("latin-1"), cipher.decrypt(await reader.readexactly(size))
    except InvalidToken:
        raise LinkLost("could not decrypt a message: the cluster keys differ") from None
    except (OSError, EOFError) as error:
        raise LinkLost("the connection ended") from error


class Link:
    """One connection; each side may ask the other, and an answer carries the counter of what it answers."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, key: str, answer: Answer) -> None:
        self._reader, self._writer, self._cipher, self._answer = reader, writer, fernet(key), answer
        self._counter = secrets.randbelow(2**31)
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, command: str, payload: bytes = b"") -> bytes:
        """The answer's payload. Raises ClusterError where it is an error, LinkLost where none comes."""
        self._counter = (self._counter + 1) % 2**32
        counter, answer = self._counter, asyncio.get_running_loop().create_future()
        self._asked[counter] = answer
        try:
            await self._send(counter, command, payload)
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except (OSError, TimeoutError) as error:
            raise LinkLost("no answer came") from error
        finally:
            self._asked.pop(counter, None)

    async def run(self) -> None:
        """Takes frames until the connection ends, which it tells by LinkLost."""
        try:
            while True:
                counter, command, payload = await read_frame(self._reader, self._cipher)
                waiting = self._asked.get(counter) if command in (OK, ERROR) else None
                if waiting is None:
                    self._begin(counter, command, payload)
                elif not waiting.done():
                    self._settle(waiting, command, payload)
        finally:
            self.close()

    @staticmethod
    def _settle(waiting: "asyncio.Future[bytes]", command: str, payload: bytes) -> None:
        if command == OK:
            waiting.set_result(payload)
        else:
            waiting.set_exception(ClusterError(payload.decode(errors="replace")))

    def _begin(self, counter: int, command: str, payload: bytes) -> None:
        task = asyncio.ensure_future(self._respond(counter, command, payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, counter: int, command: str, payload: bytes) -> None:
        try:
            result, said = OK, await self._answer(command, payload)
        except ClusterError as error:
            result, said = ERROR, str(error).encode()
        try:
            await self._send(counter, result, said)
        except OSError:
            self.close()

    async def _send(self, counter: int, command: str, payload: bytes) -> None:
        self._writer.write(packed(counter, command, payload, self._cipher))
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(LinkLost("the connection ended"))
        for task in self._tasks:
            task.cancel()
