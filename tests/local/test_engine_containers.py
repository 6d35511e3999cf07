"""A container that is started while it still ends, in one loop with a runner that does as the test says."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.engine.containers import Container, Containers
from local.engine.egress import EgressProxy
from local.engine.images import find_image
from local.engine.runners import NodeSpec, RunningNode

pytestmark = pytest.mark.anyio

DEADLINE = 10.0


class Runner:
    """Runs nothing; a node ends when the test sets its exit code."""

    mode = "none"

    def __init__(self) -> None:
        self.started: list[RunningNode] = []
        self.environments: list[Mapping[str, str]] = []
        self.fails = False

    async def start(self, spec: NodeSpec) -> RunningNode:
        self.environments.append(spec.environment)
        if self.fails:
            raise OSError("no more processes")
        self.started.append(RunningNode(len(self.started), asyncio.get_running_loop().create_future()))
        return self.started[-1]

    def signal(self, node: RunningNode, number: int) -> None: ...

    async def copy_disk(self, node: RunningNode, source: Path, target: Path) -> None: ...

    async def close(self) -> None: ...


class SlowDoor:
    """Holds up the closing of every proxy until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closing, self.may_close = asyncio.Event(), asyncio.Event()
        close = EgressProxy.close

        async def held(proxy: EgressProxy) -> None:
            self.closing.set()
            await self.may_close.wait()
            await close(proxy)

        monkeypatch.setattr(EgressProxy, "close", held)


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> SlowDoor:
    return SlowDoor(monkeypatch)


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def containers(tmp_path: Path, runner: Runner) -> Containers:
    return Containers(tmp_path, runner)


@pytest.fixture
def one(containers: Containers) -> Container:
    image = find_image("wazuh/wazuh-indexer:4.14.7")
    assert image is not None
    return containers.create("one", image, {})


async def listens(proxy_address: str) -> bool:
    port = int(proxy_address.rpartition(":")[2])
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_a_start_while_the_last_run_still_ends_keeps_its_own_door(containers, runner, one, door) -> None:
    await containers.start(one)
    waiting = asyncio.create_task(containers.wait_ended(one))
    runner.started[0].exit_code.set_result(7)
    async with asyncio.timeout(DEADLINE):
        await door.closing.wait()

        assert await containers.start(one) is True
        door.may_close.set()
        assert await waiting == 7, "who waited for the first run hears of its end"

    assert one.running
    assert one.proxy is not None
    assert [await listens(environment["HTTP_PROXY"]) for environment in runner.environments] == [False, True]
    await one.proxy.close()


async def test_a_run_that_never_began_leaves_no_door_open(containers, runner, one) -> None:
    runner.fails = True

    with pytest.raises(OSError, match="no more processes"):
        await containers.start(one)

    [environment] = runner.environments
    assert not await listens(environment["HTTP_PROXY"])
    assert not one.running
    runner.fails = False
    assert await containers.start(one) is True, "a later start works"
    assert one.proxy is not None
    await one.proxy.close()
