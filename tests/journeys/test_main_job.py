"""The main job, for real: every stop of ARCHITECTURE.md's request, on real processes."""

import pytest

from local.demo.steps import Demo
from local.stack.handle import StackHandle

pytestmark = pytest.mark.stack


def test_from_sign_up_to_deletion_every_step_holds(stack: StackHandle) -> None:
    with Demo(stack) as demo:
        seen = {name: step() for name, step in demo.steps().items()}
    assert all(seen.values()), seen
