"""Processes of a bench: each is ready once it says so, and is ended with the bench."""

import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from local.stack.layout import REPOSITORY

READY_SECONDS = 60.0
END_SECONDS = 20.0


# Told what a process printed so far.
Ready = Callable[[str], bool]


def says(words: str) -> Ready:
    """Ready once it prints the words."""
    return lambda said: words in said


def listens(port: int) -> Ready:
    """Ready once the loopback port takes connections."""

    def ready(_said: str) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    return ready


def answers(url: str) -> Ready:
    """Ready once the address answers 200."""

    def ready(_said: str) -> bool:
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ready


class NotReady(Exception):
    """A process ended or did not become ready; the message holds the end of what it printed."""


class Process:
    """One process with a log.

    Args:
        argv: what to run.
        log: the file for what it prints.
        ready: whether it serves by now.
        environment: its own; this process's by default.
    """

    def __init__(self, argv: list[str], log: Path, ready: Ready, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._await(ready)

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        """Closes its input and asks it to end; some heed the one, some the other."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await(self, ready: Ready) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready(said := self._log.read_text(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise NotReady(f"{self._log.name}: {said[-2000:]}")
            time.sleep(0.02)
