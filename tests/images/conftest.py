from pathlib import Path

import pytest

from tests.images.node_root import NodeRoot


@pytest.fixture
def root(tmp_path: Path) -> NodeRoot:
    return NodeRoot(tmp_path)
