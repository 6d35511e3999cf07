"""The launcher's promises on the whole stack: a second start, and nothing left after a kill of any kind."""

import os
import signal
import time
from pathlib import Path

import pytest

from local.stack.handle import StackHandle, running_stack, wait_for
from local.stack.ports import is_free

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def processes_of(stack: StackHandle) -> list[int]:
    """Every process that names the stack's folder or its parts' session on its command line or in its environment."""
    folder = str(stack.layout.root).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if folder in said:
                found.append(int(entry.name))
    return found


def nothing_left(stack: StackHandle, ports: list[int]) -> bool:
    return not processes_of(stack) and all(is_free(port) for port in ports)


def test_a_stack_starts_again_where_it_was_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_stack(root=tmp_path, keep=True) as first:
        portal = first.description["portal"]
        ports = list(first.layout.ports.values())
    wait_for(lambda: nothing_left(first, ports), "the end of every process after SIGTERM", 20)
    assert not (tmp_path / "stack.json").exists()
    began = time.monotonic()
    with running_stack(root=tmp_path, keep=True) as second:
        print(f"second start: {time.monotonic() - began:.1f} s")
        assert second.description["portal"] == portal
        assert oct((tmp_path / "stack.json").stat().st_mode & 0o777) == "0o600"
        assert second.process
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
        wait_for(lambda: nothing_left(second, ports), "the end of every process after SIGKILL of the launcher", 20)
