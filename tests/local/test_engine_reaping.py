"""Nothing outlives the engine, however it ends."""

import signal
from pathlib import Path

import pytest

from tests.local.engine_process import EngineProcess, alive, kill_hard, until


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start_some(engine: EngineProcess) -> list[int]:
    """Starts containers of every role; the process ids of zygote and nodes."""
    for name in ("one", "two"):
        engine.start_with_sidecar(name)
    engine.start("slow", "wazuh/wazuh-indexer:4.14.7-slow")
    [zygote] = children_of(engine.process.pid)
    nodes = [engine.pid(name) for name in ("one", "two", "slow")]
    assert all(alive(pid) for pid in nodes)
    return [zygote, *nodes]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_engine_with_all_its_containers(own_engine: EngineProcess, number: int) -> None:
    processes = start_some(own_engine)

    own_engine.process.send_signal(number)

    assert own_engine.process.wait(15) == 0
    assert not any(alive(pid) for pid in processes)
    assert not own_engine.socket.exists()
    assert own_engine.disks() == []


def test_the_end_of_its_input_ends_the_engine(own_engine: EngineProcess) -> None:
    processes = start_some(own_engine)

    own_engine.process.stdin.close()

    assert own_engine.process.wait(15) == 0
    assert not any(alive(pid) for pid in processes)


def test_nodes_end_when_the_engine_is_killed(own_engine: EngineProcess) -> None:
    processes = start_some(own_engine)

    kill_hard(own_engine.process.pid)

    until(lambda: not any(alive(pid) for pid in processes), "zygote and nodes are gone")


def test_nodes_end_when_engine_and_zygote_are_killed_together(own_engine: EngineProcess) -> None:
    zygote, *nodes = start_some(own_engine)

    kill_hard(zygote)
    kill_hard(own_engine.process.pid)

    until(lambda: not any(alive(pid) for pid in nodes), "the nodes are gone")


def test_an_engine_that_lost_its_zygote_ends_and_says_so_by_its_exit_code(own_engine: EngineProcess) -> None:
    zygote, *nodes = start_some(own_engine)

    kill_hard(zygote)

    assert own_engine.process.wait(15) == 1
    until(lambda: not any(alive(pid) for pid in nodes), "the nodes are gone")


def test_the_next_engine_removes_what_a_killed_one_left(own_engine: EngineProcess, tmp_path: Path) -> None:
    start_some(own_engine)
    kill_hard(own_engine.process.pid)
    own_engine.process.wait(15)
    assert own_engine.disks() != []

    with EngineProcess(tmp_path) as successor:
        assert successor.call("GET", "/containers/json?all=1").json() == []
        assert successor.disks() == []
