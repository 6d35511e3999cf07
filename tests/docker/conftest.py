"""An edge of its own for each file: the real Worker in workerd over a Docker engine that is there already."""

from collections.abc import Iterator

import pytest

from tests.docker.docker_edge import DockerEdge


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEdge]:
    """Runs until the file's last test."""
    running = DockerEdge(tmp_path_factory.mktemp("edge"))
    try:
        yield running.start()
    finally:
        running.stop()
