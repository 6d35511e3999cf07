"""Which key-encryption keys the edge still needs, as its operator reads it before taking one away."""

import io

import pytest
from django.core.management import CommandError, call_command

from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def told() -> list[str]:
    out = io.StringIO()
    call_command("edge_keys", stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("in_use", "unknown", "verdict"),
    [
        ({"k2": 5}, 0, "may be removed"),
        ({"k1": 2, "k2": 3}, 0, "keep it: 2 tenants need it until they have wrapped anew"),
        ({"k2": 3}, 1, "keep it: not every tenant has said what it needs"),
    ],
)
def test_a_retired_key_goes_only_once_every_tenant_has_said_that_it_needs_another(cell, edge, in_use, unknown, verdict):
    uses = [{"kek": kek, "tenants": tenants} for kek, tenants in in_use.items()]
    edge.keys = {"current": "k2", "configured": ["k1", "k2"], "in_use": uses, "unknown": unknown}
    lines = told()
    assert f"lo k1: {verdict}" in lines
    assert f"lo k2: current, {in_use['k2']} tenants" in lines
    assert any("have not said yet" in line for line in lines) == bool(unknown)


def test_a_key_that_is_needed_and_not_there_fails_the_command(cell, edge):
    edge.keys["in_use"].append({"kek": "k0", "tenants": 2})
    with pytest.raises(CommandError, match="Put back from escrow and deploy: lo: k0"):
        told()


def test_an_edge_that_does_not_answer_is_no_permission(cell, edge):
    edge.fail_next("/v1/keys", refusal(503, "NOT_READY", retryable=True))
    with pytest.raises(CommandError, match="lo: NOT_READY"):
        told()
