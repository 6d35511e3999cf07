"""A dozen random kills over six tenants; `make chaos` does two hundred over twenty."""

import secrets

import pytest

from local.chaos.__main__ import rampage
from local.chaos.load import SHORT
from local.stack.handle import StackHandle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_a_dozen_kills_over_six_tenants_lose_and_double_nothing(stack: StackHandle) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    monkey, verdict = rampage(stack, kills=12, tenants=6, seed=seed, changes=SHORT)
    assert monkey.kills >= 12
    assert (verdict.lost, verdict.duplicated, verdict.stuck) == (0, 0, 0), f"seed {seed}: {verdict}"
