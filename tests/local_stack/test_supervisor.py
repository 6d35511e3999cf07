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

from local.stack.handle import wait_for
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


def test_a_part_is_ready_again_only_by_what_it_says_in_its_new_life(tmp_path):
    once = tmp_path / "lived"
    first_life_speaks = (
        "import os, sys, time;"
        f"os.path.exists({str(once)!r}) or print('consuming', flush=True);"
        f"open({str(once)!r}, 'w'); time.sleep(600)"
    )
    seen: list = []

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start()
        first = supervisor.pids()["silent"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("silent") not in (None, first))
        running = supervisor.running["silent"]
        assert "consuming" in running.log.read_text()
        assert not running.is_ready()

    supervised([Part("silent", (sys.executable, "-c", first_life_speaks), says="consuming")], tmp_path, scenario, seen)
    assert [state for _, state, _ in seen].count("ready") == 1


def test_a_part_that_is_slow_to_come_back_is_started_again_and_does_not_end_the_stack(tmp_path):
    lives = tmp_path / "lives"
    second_life_hangs = (
        f"import time; lives = open({str(lives)!r}, 'a+'); lives.write('x'); lives.seek(0); n = len(lives.read());"
        "n == 2 or print('up', flush=True); lives.close(); time.sleep(600)"
    )
    part = Part("slow", (sys.executable, "-c", second_life_hangs), says="up", seconds=2)

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start()
        os.kill(supervisor.pids()["slow"], signal.SIGKILL)
        await until(lambda: lives.read_text() == "xxx")
        assert len(supervisor.deaths()["slow"]) == 2

    supervised([part], tmp_path, scenario)


def test_a_part_that_the_stack_can_do_without_never_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr("local.stack.supervisor.FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr("local.stack.supervisor.LONGEST_BACKOFF_SECONDS", 0.01)
    agent = Part("agent", (sys.executable, "-c", "raise SystemExit(1)"), lambda: False, essential=False)

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start()
        supervisor.add(agent)
        await until(lambda: len(supervisor.deaths().get("agent", [])) > 5)
        assert "sleeper" in supervisor.pids()

    supervised([Part("sleeper", SLEEPER)], tmp_path, scenario)


def test_whatever_keeps_a_part_from_being_run_ends_the_stack_and_names_it(tmp_path):
    with pytest.raises(StackFailed, match=r"broker could not be run[\s\S]*no-such-program"):
        supervised([Part("broker", (str(tmp_path / "no-such-program"),))], tmp_path, lambda s: s.start())


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
    part = Part("stubborn", (sys.executable, "-c", stubborn), says="up")

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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_killing_the_launcher_together_with_its_warden_leaves_no_part_behind(tmp_path):
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout
    pids = [int(word) for word in launcher.stdout.readline().split()]
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (warden,) = {int(child) for child in children} - set(pids)
    os.kill(warden, signal.SIGKILL)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    asyncio.run(until(lambda: not any(alive(pid) for pid in pids)))


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
        await until(lambda: not alive(orphan))

    supervised([part], tmp_path, scenario)


def test_what_a_part_had_started_ends_with_it_also_when_it_died_before_it_was_ready(tmp_path, monkeypatch):
    monkeypatch.setattr("local.stack.supervisor.FIRST_BACKOFF_SECONDS", 0.01)
    started = tmp_path / "child"
    parent = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(started)!r}, 'a').write(f'{{child.pid}}\\n')"
    )
    with pytest.raises(StackFailed, match="parent ended 5 times"):
        supervised([Part("parent", (sys.executable, "-c", parent), lambda: False)], tmp_path, lambda s: s.start())
    pids = [int(pid) for pid in started.read_text().split()]
    # A process that was killed ends once it gets a processor.
    wait_for(lambda: not any(map(alive, pids)), "the end of all children", 10)
