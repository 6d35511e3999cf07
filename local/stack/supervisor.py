"""Starts the parts in order, restarts one that dies, and ends them all."""

import asyncio
import contextlib
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


class StackFailed(Exception):
    """The stack cannot go on; the message names the part and its log."""


@dataclass
class Running:
    """What the supervisor knows of a part that it looks after."""

    part: Part
    log: Path
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    deaths: deque[float] = field(default_factory=deque)

    def died_too_often(self) -> bool:
        now = time.monotonic()
        self.deaths.append(now)
        while self.deaths and now - self.deaths[0] > DEATH_WINDOW_SECONDS:
            self.deaths.popleft()
        return len(self.deaths) >= DEATHS_ALLOWED

    def backoff(self) -> float:
        return FIRST_BACKOFF_SECONDS * 2 ** (len(self.deaths) - 1)

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return "\n".join("    " + line for line in lines[-8:])


Report = Callable[[str, str, float], None]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


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
        except StackFailed as failure:
            if not self._failed.done():
                self._failed.set_exception(failure)

    async def _look_after(self, running: Running) -> None:
        for name in running.part.after:
            await self.running[name].ready.wait()
        while self.running.get(running.part.name) is running:
            await self._live_once(running)
            if running.part.once or self.running.get(running.part.name) is not running:
                return
            if running.died_too_often():
                raise StackFailed(
                    f"{running.part.name} ended {DEATHS_ALLOWED} times within a minute; the stack stops here.\n"
                    f"  Its log: {running.log}\n{running.last_words()}"
                )
            self.report(running.part.name, "restarting", 0)
            await asyncio.sleep(running.backoff())

    async def _live_once(self, running: Running) -> None:
        started = time.monotonic()
        self.report(running.part.name, "starting", 0)
        process = await self._spawn(running)
        if running.part.once:
            await self._finish(running, process)
        elif not await self._becomes_ready(running, process, started):
            return
        running.ready.set()
        self.report(running.part.name, "ready", time.monotonic() - started)
        self.changed()
        if not running.part.once:
            await process.wait()
            _kill_group(process.pid)  # what it had started must not keep its port
            self._tell_warden("-", process.pid)

    async def _spawn(self, running: Running) -> asyncio.subprocess.Process:
        with running.log.open("ab") as log:
            running.process = await asyncio.create_subprocess_exec(
                *running.part.argv,
                env=os.environ | running.part.env,
                cwd=REPOSITORY,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._tell_warden("+", running.process.pid)
        return running.process

    async def _finish(self, running: Running, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._tell_warden("-", process.pid)
        if code != 0:
            raise StackFailed(
                f"{running.part.name} ended with status {code}.\n  Its log: {running.log}\n{running.last_words()}"
            )

    async def _becomes_ready(self, running: Running, process: asyncio.subprocess.Process, started: float) -> bool:
        while not await asyncio.to_thread(running.part.ready):
            if process.returncode is not None:
                return False
            if time.monotonic() - started > running.part.seconds:
                raise StackFailed(
                    f"{running.part.name} did not become healthy within {running.part.seconds:.0f} s.\n"
                    f"  Its log: {running.log}\n{running.last_words()}"
                )
            await asyncio.sleep(0.05)
        return process.returncode is None

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
