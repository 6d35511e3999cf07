"""What the tests of engine and nodes share: nodes played in this process, the edge's side of a node, and an engine."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.local.edge_side import EdgeSide
from tests.local.engine_process import EngineProcess
from tests.local.played import PlayedNode


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def edge() -> AsyncIterator[EdgeSide]:
    """Answers what nodes send out; set handlers by name."""
    async with EdgeSide() as side:
        yield side


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator["object"]:
    """Starts nodes in this process: `await play("indexer", INDEXER_PASSWORD="…")`; they end with the test."""
    async with AsyncExitStack() as nodes:

        async def start(
            role: str, *, disk: Path | None = None, version: str = "4.14.7", **environment: str
        ) -> PlayedNode:
            directory = disk or tmp_path / f"{role}-disk"
            directory.mkdir(exist_ok=True)
            return await nodes.enter_async_context(PlayedNode(role, directory, environment, version))

        yield start


@pytest.fixture(scope="session")
def lasting_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path_factory.mktemp("engine")) as process:
        yield process


@pytest.fixture
def engine(lasting_engine: EngineProcess) -> Iterator[EngineProcess]:
    """A running engine without containers, process per container."""
    yield lasting_engine
    lasting_engine.remove_everything()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine that a test may end."""
    with EngineProcess(tmp_path) as process:
        yield process
