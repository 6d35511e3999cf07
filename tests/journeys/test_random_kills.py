"""Ten random kills over ten tenants; `make chaos` does two hundred."""

import secrets

import pytest

from local.chaos.__main__ import rampage
from local.chaos.load import SHORT
from local.stack.handle import StackHandle

LEAST_EVENTS = 10  # that any tenant has: it was asked for, started, and each of its nodes became well

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_ten_kills_over_ten_tenants_lose_reorder_and_double_nothing(stack: StackHandle) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    monkey, verdict = rampage(stack, kills=10, tenants=10, clusters=1, seed=seed, changes=SHORT)
    assert monkey.kills >= 10
    assert verdict.faults == 0, f"seed {seed}: {verdict}"
    assert verdict.events > 10 * LEAST_EVENTS
