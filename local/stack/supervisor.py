"""Starts the parts in order, restarts one that dies, and ends them all."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.stack.layout import REPOSITORY
from local.stack.parts import Part

DEATHS_ALLOWED = 5
DEATH_WINDOW_SECONDS = 60.0
STOP_SECONDS = 10.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0
PR_SET_PDEATHSIG = 1  # prctl(2)


class StackFailed(Exception):
    """The stack cannot go on; the message names the part and its log."""


@dataclass
class Running:
    """What the supervisor knows of a part that it looks after."""

    part: Part
    log: Path
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    born: int = 0  # where the log of its present life begins, in bytes
    deaths: deque[float] = field(default_factory=deque)  # of the last minute, in Unix time

    def count_death(self) -> None:
        now = time.time()
        self.deaths.append(now)
        while now - self.deaths[0] > DEATH_WINDOW_SECONDS:
            self.deaths.popleft()

    def given_up(self) -> bool:
        return self.part.essential and len(self.deaths) >= DEATHS_ALLOWED

    def backoff(self) -> float:
        return min(FIRST_BACKOFF_SECONDS * 2 ** (len(self.deaths) - 1), LONGEST_BACKOFF_SECONDS)

    def is_ready(self) -> bool:
        return self.part.ready() and self.part.says in self.life()

    def life(self) -> str:
        """What it has logged since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self.born)
            return log.read().decode(errors="replace")

    def failure(self, what: str) -> "StackFailed":
        return StackFailed(f"{self.part.name} {what}\n  Its log: {self.log}\n{self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return "\n".join("    " + line for line in lines[-8:])


Report = Callable[[str, str, float], None]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _end_with_launcher() -> None:
    """Where Linux is beneath, the kernel ends a part whose launcher is gone, also when the warden went with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs a table of parts.

    Args:
        parts: the table; `after` names must be in it.
        logs: folder for a log file a part.
        report: called with part, state (starting, ready, restarting) and seconds since it was started.
    """

    def __init__(self, parts: list[Part], logs: Path, report: Report) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.running = {part.name: Running(part, logs / f"{part.name}.log") for part in parts}
        self.report = report
        self.changed: Callable[[], None] = lambda: None
        self._warden: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Returns when every part is ready; raises StackFailed when one cannot become so."""
        self._warden = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.stack.warden",
            stdin=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        for running in self.running.values():
            running.log.write_text("")
            self._tasks.append(asyncio.create_task(self._guard(running)))
        everything = asyncio.create_task(self._all_ready())
        await asyncio.wait([everything, self._failed], return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            everything.cancel()
            await self._failed

    async def watch(self) -> None:
        """Returns only by raising StackFailed, or when cancelled; the parts are restarted meanwhile."""
        await asyncio.shield(self._failed)

    def add(self, part: Part) -> None:
        """Looks after one more part from now on (a demonstration agent)."""
        running = Running(part, next(iter(self.running.values())).log.with_name(f"{part.name}.log"))
        running.log.write_text("")
        self.running[part.name] = running
        self._tasks.append(asyncio.create_task(self._guard(running)))

    def pids(self) -> dict[str, int]:
        return {
            name: running.process.pid
            for name, running in self.running.items()
            if running.process and running.process.returncode is None
        }

    def deaths(self) -> dict[str, list[float]]:
        """When parts died within the last minute, in Unix time."""
        return {name: list(running.deaths) for name, running in self.running.items() if running.deaths}

    async def stop(self) -> None:
        """Ends all parts, each before what it needs, and leaves no process of theirs behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self.running:
            needed = {name for running in self.running.values() for name in running.part.after}
            last = [self.running.pop(name) for name in list(self.running) if name not in needed]
            await asyncio.gather(*(self._end(running) for running in last))
        if self._warden and self._warden.stdin:
            self._warden.stdin.close()
            await self._warden.wait()

    async def end_part(self, name: str) -> None:
        """Ends one part for good (the demonstration's silent agent)."""
        running = self.running.pop(name)
        await self._end(running)

    async def _all_ready(self) -> None:
        for running in list(self.running.values()):
            await running.ready.wait()

    async def _guard(self, running: Running) -> None:
        try:
            await self._look_after(running)
        except Exception as problem:
            failure = (
                problem
                if isinstance(problem, StackFailed)
                else running.failure(f"could not be run as {running.part.argv[0]}: {problem}")
            )
            if not self._failed.done():
                self._failed.set_exception(failure)

    async def _look_after(self, running: Running) -> None:
        for name in running.part.after:
            await self.running[name].ready.wait()
        while self._is_wanted(running):
            await self._live_once(running)
            if running.part.once or not self._is_wanted(running):
                return
            running.count_death()
            self.changed()
            if running.given_up():
                raise running.failure(f"ended {DEATHS_ALLOWED} times within a minute; the stack stops here.")
            self.report(running.part.name, "restarting", 0)
            await asyncio.sleep(running.backoff())

    def _is_wanted(self, running: Running) -> bool:
        return self.running.get(running.part.name) is running

    async def _live_once(self, running: Running) -> None:
        started = time.monotonic()
        self.report(running.part.name, "starting", 0)
        process = await self._spawn(running)
        try:
            if await self._becomes_ready(running, process, started):
                running.ready.set()
                self.report(running.part.name, "ready", time.monotonic() - started)
                self.changed()
                await process.wait()
        finally:
            if process.returncode is not None:
                _kill_group(process.pid)  # what it had started must not keep its port
                self._tell_warden("-", process.pid)

    async def _spawn(self, running: Running) -> asyncio.subprocess.Process:
        with running.log.open("ab") as log:
            running.born = log.tell()
            running.process = await asyncio.create_subprocess_exec(
                *running.part.argv,
                env=os.environ | running.part.env,
                cwd=REPOSITORY,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_launcher,
            )
        self._tell_warden("+", running.process.pid)
        return running.process

    async def _becomes_ready(self, running: Running, process: asyncio.subprocess.Process, started: float) -> bool:
        """False when it died first. Slow to come back counts as a death; slow at the first start ends the stack."""
        if running.part.once:
            return await self._finishes(running, process)
        while not await asyncio.to_thread(running.is_ready):
            if process.returncode is not None:
                return False
            if time.monotonic() - started > running.part.seconds:
                if running.part.essential and not running.ready.is_set():
                    raise running.failure(f"did not become healthy within {running.part.seconds:.0f} s.")
                _kill_group(process.pid)
                await process.wait()
                return False
            await asyncio.sleep(0.05)
        return process.returncode is None

    async def _finishes(self, running: Running, process: asyncio.subprocess.Process) -> bool:
        if code := await process.wait():
            raise running.failure(f"ended with status {code}.")
        return True

    async def _end(self, running: Running) -> None:
        process = running.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        _kill_group(process.pid)
        await process.wait()
        self._tell_warden("-", process.pid)

    def _tell_warden(self, change: str, pid: int) -> None:
        if self._warden and self._warden.stdin and not self._warden.stdin.is_closing():
            self._warden.stdin.write(f"{change}{pid}\n".encode())
