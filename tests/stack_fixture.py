"""One local stack for all tests marked `stack`, started once a run; its logs stay in pytest's temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.handle import StackHandle, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackHandle]:
    """The whole product on free ports, without the demonstration."""
    root: Path = tmp_path_factory.mktemp("stack")
    with running_stack(root=root, keep=True) as handle:
        yield handle
