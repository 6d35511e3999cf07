"""An edge of its own for each file: the real Worker in workerd over the stand-in engine."""

from collections.abc import Iterator

import pytest

from tests.contract.edge_process import Edge


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Runs until the file's last test."""
    running = Edge(tmp_path_factory.mktemp("edge"))
    try:
        yield running.start()
    finally:
        running.stop()
