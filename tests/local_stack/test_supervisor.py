"""The launcher starts parts in order, restarts what dies, gives up in the end, and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.stack import ports
from local.stack.parts import Part
from local.stack.supervisor import StackFailed, Supervisor

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes() if Path("/proc").exists() else True
    return False


async def until(look, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


def supervised(parts: list[Part], folder: Path, scenario, seen: list | None = None):
    async def play():
        supervisor = Supervisor(parts, folder / "logs", lambda *event: (seen if seen is not None else []).append(event))
        try:
            return await scenario(supervisor)
        finally:
            await supervisor.stop()

    return asyncio.run(play())


def test_a_part_starts_only_when_what_it_needs_is_ready(tmp_path):
    flag = tmp_path / "ready"
    first = Part(
        "first", (sys.executable, "-c", f"open({str(flag)!r}, 'w'); import time; time.sleep(600)"), flag.exists
    )
    second = Part("second", SLEEPER, lambda: True, after=("first",))
    seen: list = []
    supervised([second, first], tmp_path, lambda supervisor: supervisor.start(), seen)
    order = [(name, state) for name, state, _ in seen]
    assert order.index(("first", "ready")) < order.index(("second", "starting"))


def test_a_part_that_dies_is_started_again(tmp_path):
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start()
        pid = supervisor.pids()["sleeper"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("sleeper") not in (None, pid))

    supervised([Part("sleeper", SLEEPER, lambda: True)], tmp_path, scenario)


def test_five_deaths_in_a_minute_end_the_stack_and_name_the_part(tmp_path, monkeypatch):
    monkeypatch.setattr("local.stack.supervisor.FIRST_BACKOFF_SECONDS", 0.01)
    part = Part("crasher", (sys.executable, "-c", "print('no disk'); raise SystemExit(3)"), lambda: False)
    with pytest.raises(StackFailed, match=r"crasher ended 5 times[\s\S]*no disk"):
        supervised([part], tmp_path, lambda supervisor: supervisor.start())


def test_a_job_that_fails_ends_the_stack_with_its_last_words(tmp_path):
    job = Part("database", (sys.executable, "-c", "raise SystemExit('table is missing')"), lambda: True, once=True)
    with pytest.raises(StackFailed, match="table is missing"):
        supervised([job], tmp_path, lambda supervisor: supervisor.start())


def test_stopping_ends_every_part_also_one_that_ignores_sigterm(tmp_path, monkeypatch):
    monkeypatch.setattr("local.stack.supervisor.STOP_SECONDS", 0.2)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    log = tmp_path / "logs" / "stubborn.log"
    part = Part("stubborn", (sys.executable, "-c", stubborn), lambda: "up" in log.read_text())

    async def scenario(supervisor: Supervisor) -> int:
        await supervisor.start()
        return supervisor.pids()["stubborn"]

    assert not alive(supervised([part], tmp_path, scenario))


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from local.stack.parts import Part
from local.stack.supervisor import Supervisor
async def main():
    parts = [Part(n, (sys.executable, "-c", "import time; time.sleep(600)"), lambda: True) for n in ("one", "two")]
    supervisor = Supervisor(parts, Path(sys.argv[1]), lambda *_: None)
    await supervisor.start()
    print(*supervisor.pids().values(), flush=True)
    await supervisor.watch()
asyncio.run(main())
"""


def test_killing_the_launcher_itself_leaves_no_part_behind(tmp_path):
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout
    pids = [int(word) for word in launcher.stdout.readline().split()]
    assert all(alive(pid) for pid in pids)
    assert len(pids) == 2
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    asyncio.run(until(lambda: not any(alive(pid) for pid in pids)))


def test_a_stack_keeps_its_ports_between_starts_and_yields_those_that_others_took(tmp_path, free_loopback_socket):
    kept = tmp_path / "ports.json"
    first = ports.choose(kept, usual=False)
    assert ports.choose(kept) == first
    free_loopback_socket.bind(("127.0.0.1", first["edge"]))
    free_loopback_socket.listen()
    second = ports.choose(kept)
    assert second["edge"] != first["edge"]
    assert second["portal"] == first["portal"]


def test_what_a_dead_part_had_started_ends_before_the_part_starts_again(tmp_path):
    started = tmp_path / "child"
    parent = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(started)!r}, 'a').write(f'{{child.pid}}\\n'); time.sleep(600)"
    )
    part = Part(
        "parent", (sys.executable, "-c", parent), lambda: started.exists() and started.read_text().endswith("\n")
    )

    def children() -> list[int]:
        return [int(line) for line in started.read_text().split()]

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start()
        (orphan,) = children()
        os.kill(supervisor.pids()["parent"], signal.SIGKILL)
        await until(lambda: len(children()) == 2)
        assert not alive(orphan)

    supervised([part], tmp_path, scenario)
