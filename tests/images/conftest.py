from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.node_root import NodeRoot
from tests.images.state_door import StateDoor


@pytest.fixture
def root(tmp_path: Path) -> Iterator[NodeRoot]:
    made = NodeRoot(tmp_path)
    yield made
    made.clear()


@pytest.fixture
def other_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeRoot]:
    made = NodeRoot(tmp_path_factory.mktemp("other"))
    yield made
    made.clear()


@pytest.fixture
def door() -> Iterator[StateDoor]:
    playing = StateDoor()
    yield playing
    playing.close()
