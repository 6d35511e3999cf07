"""A throw-away stack as another process, for `make demo`, `make chaos` and the journeys.

It is started and ended as a script would do it.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local.stack.layout import REPOSITORY, Layout

START_SECONDS = 120.0
STOP_SECONDS = 30.0
LAUNCHER_LOG = "launcher.log"


class NotInTime(Exception):
    """A condition did not come true before its deadline."""


def wait_for[T](look: Callable[[], T | None], what: str, seconds: float = 60.0, every: float = 0.1) -> T:
    """Looks until the answer is true and returns it.

    Raises:
        NotInTime: it did not become true within `seconds`; names `what` and the last answer.
    """
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:.0f} s, last seen {answer!r}")
        time.sleep(every)
    return answer


@dataclass
class StackHandle:
    """A running stack: its description and what an operator of the machine can do to it."""

    layout: Layout
    process: subprocess.Popen[bytes] | None = None

    @property
    def description(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.layout.root / "stack.json").read_text())
        return found

    def manage(self, *arguments: str) -> str:
        """Runs a management command against the stack's database and returns its output."""
        environment = os.environ | self.layout.django_environment()
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def engine(self) -> httpx.Client:
        """The container engine's own API, as `docker` on this machine would use it."""
        transport = httpx.HTTPTransport(uds=str(self.layout.engine_socket))
        return httpx.Client(transport=transport, base_url="http://engine", timeout=30)

    def kill_part(self, name: str) -> int:
        """SIGKILL to a part's whole process group; the launcher starts it again. Returns the pid that was killed."""
        pid = int(self.description["parts"][name])
        os.killpg(pid, signal.SIGKILL)
        return pid

    def launcher_log(self) -> str:
        """What the launcher printed last: it names a part that it gave up."""
        return _end_of(self.layout.root / LAUNCHER_LOG)

    def part_log(self, name: str) -> str:
        """What a part logged last."""
        return _end_of(self.layout.root / "logs" / f"{name}.log")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends the launcher, and with it every part."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # the warden ends the parts
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


@contextlib.contextmanager
def running_stack(
    *,
    root: Path | None = None,
    shared_nodes: bool = False,
    small_logs: bool = False,
    seed: bool = False,
    keep: bool = False,
) -> Iterator[StackHandle]:
    """A stack of its own, ended and removed at the end; it also ends when this process is killed.

    Args:
        root: its folder; a temporary one by default.
        shared_nodes: one process plays many nodes (scale runs only).
        small_logs: events and journals go to the archive early, so that little traffic already fills it.
        seed: make the demonstration.
        keep: leave the folder, to read its logs.
    """
    folder = root or Path(tempfile.mkdtemp(prefix="stack-"))
    handle = StackHandle(Layout(folder, shared_nodes=shared_nodes, running=True))
    with (folder / LAUNCHER_LOG).open("wb") as output:
        handle.process = subprocess.Popen(
            _command(folder, {"--shared-nodes": shared_nodes, "--small-logs": small_logs, "--no-seed": not seed}),
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: _is_up(handle), "the stack", START_SECONDS)
        yield handle
    finally:
        handle.stop()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:] if log.exists() else ""


def _command(folder: Path, options: dict[str, bool]) -> list[str]:
    chosen = [option for option, wanted in options.items() if wanted]
    return [
        sys.executable,
        "-m",
        "local.stack",
        "--root",
        str(folder),
        "--any-ports",
        "--end-with-stdin",
        *chosen,
    ]


def _is_up(handle: StackHandle) -> bool:
    if handle.process and handle.process.poll() is not None:
        raise RuntimeError(f"The stack ended while starting:\n{handle.launcher_log()}")
    return (handle.layout.root / "stack.json").exists()
