"""An edge of its own for each file: the real Worker in workerd over the stand-in engine, or over Docker where told."""

import os
from collections.abc import Iterator

import pytest

from tests.contract.edge_process import Edge
from tests.docker.docker_edge import DockerEdge

KIND = DockerEdge if os.environ.get("ENGINE") == "docker" else Edge


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Runs until the file's last test."""
    running = KIND(tmp_path_factory.mktemp("edge"))
    try:
        yield running.start()
    finally:
        running.stop()
