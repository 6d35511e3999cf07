"""Where an agent's lines come from: a file that it follows, or a small made-up working day."""

import asyncio
import itertools
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

AUTH_LOG = "/var/log/auth.log"
POLL_SECONDS = 0.1
PAUSE_SECONDS = 4.0


async def following(path: Path) -> AsyncIterator[tuple[str, str]]:
    """Every line of the file, from its beginning, as it grows."""
    path.touch()
    with path.open() as file:
        part = ""
        while True:
            part += file.readline()
            if part.endswith("\n"):
                yield AUTH_LOG, part.rstrip("\n")
                part = ""
            else:
                await asyncio.sleep(POLL_SECONDS)


async def working_day() -> AsyncIterator[tuple[str, str]]:
    """Sign-ins, now and then a wrong password, sometimes somebody who tries names. Made up, for demonstrations."""
    for number in itertools.count(1):
        for line in _scene(number):
            yield AUTH_LOG, syslog_line(line)
        await asyncio.sleep(PAUSE_SECONDS)


def syslog_line(message: str) -> str:
    """The message as sshd's line of this moment."""
    stamp = time.strftime("%b %e %H:%M:%S")
    return f"{stamp} {socket.gethostname()} sshd[{os.getpid()}]: {message}"


def _scene(number: int) -> list[str]:
    guest = f"203.0.113.{random.randrange(1, 255)}"  # noqa: S311  (an address for documentation, RFC 5737)
    if number % 25 == 0:
        return [f"Failed password for root from {guest} port {4000 + try_} ssh2" for try_ in range(9)]
    if number % 7 == 0:
        return [f"Invalid user admin{number} from {guest} port 4022"]
    if number % 3 == 0:
        return [f"Failed password for deploy from {guest} port 4022 ssh2"]
    return ["Accepted publickey for deploy from 192.0.2.10 port 4022 ssh2: ED25519 SHA256:demonstration"]
