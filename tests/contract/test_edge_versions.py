"""Versions changed on the real edge, under an agent that goes on: one that serves, and one that does not."""

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.edge_process import SERVING, Edge, plan, spec
from tests.contract.edge_visitors import (
    an_agent,
    await_running,
    events,
    new_tenant,
    stored,
    view,
    wait_for,
)

pytestmark = pytest.mark.stack


def ended(seen: dict[str, Any], generation: int) -> bool:
    return seen["generation"] == generation and seen["run"]["state"] != "running"


def tags(seen: dict[str, Any]) -> set[str]:
    """A node that is being started has no image yet."""
    return {(node["image"] or "").rpartition(":")[2] for node in seen["nodes"] if node["role"] in SERVING}


def put(edge: Edge, tenant: str, body: dict[str, Any]) -> None:
    assert edge.call("PUT", f"/v1/tenants/{tenant}", body).status_code == 202


def logged(word: str) -> str:
    return f"Invalid user {word} from 203.0.113.9 port 4022"


def test_agents_and_alerts_survive_a_version_that_does_not_serve_and_one_that_does(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    words = [f"mole{secrets.token_hex(4)}" for _ in range(3)]
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        agent.log(logged(words[0]))
        wait_for(lambda: stored(edge, tenant, words[:1]), "the alert before")

        put(edge, tenant, spec(2, plan=plan("4.14.8-blind")))
        wait_for(lambda: "4.14.8-blind" in tags(view(edge, tenant)), "a role on the new version")
        agent.log(logged(words[1]))
        wait_for(lambda: ended(view(edge, tenant), 2), "the way back", 120)
        seen = view(edge, tenant)
        assert (seen["version"], tags(seen), seen["observed"]) == ("4.14.7", {"4.14.7"}, "running")
        states = {step["name"]: step["state"] for step in seen["run"]["steps"]}
        assert (states["dashboard"], states["rollback"]) == ("failed", "succeeded")
        assert seen["reason"]["code"] == "UPGRADE_ROLLED_BACK"

        put(edge, tenant, spec(3, plan=plan("4.14.6")))
        started = time.monotonic()
        wait_for(lambda: ended(view(edge, tenant), 3), "the other version", 60)
        seen = view(edge, tenant)
        assert (seen["version"], tags(seen), seen["run"]["state"]) == ("4.14.6", {"4.14.6"}, "succeeded")
        agent.log(logged(words[2]))
        wait_for(lambda: stored(edge, tenant, words), "every alert", 60)
        assert time.monotonic() - started < 120
        wait_for(lambda: len(events(edge, tenant, "alert")) == 3, "every digest, once")
