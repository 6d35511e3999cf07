"""Certificates exchanged on the real edge, under an agent that goes on and under a runtime that is killed."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import nodes
from tests.contract.edge_process import SERVING, Edge, random_base32
from tests.contract.edge_visitors import (
    Machine,
    an_agent,
    await_running,
    enroll,
    events,
    new_tenant,
    new_token,
    scoped_token,
    stored,
    view,
    wait_for,
)

pytestmark = pytest.mark.stack


def rotate(edge: Edge, tenant: str) -> None:
    body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
    assert edge.call("POST", f"/v1/tenants/{tenant}/certs/rotate", body).status_code == 202


def down(seen: dict[str, Any]) -> list[str]:
    return [node["role"] for node in seen["nodes"] if node["role"] in SERVING and node["state"] != "running"]


def ended(seen: dict[str, Any]) -> bool:
    return seen["run"]["kind"] == "rotate" and seen["run"]["state"] != "running"


def authorities(edge: Edge, tenant: str) -> set[str]:
    """The authority's certificate in each serving node."""
    found = nodes.running(Machine(edge), tenant)  # type: ignore[arg-type]
    given = [json.loads(node.environment["NODE_CERTIFICATES"]) for node in found if node.role in SERVING]
    assert len(given) == len(SERVING)
    return {files["root-ca.pem"] for files in given}


def logged(word: str) -> str:
    return f"Invalid user {word} from 203.0.113.9 port 4022"


def test_agents_go_on_and_nothing_is_lost_while_the_certificates_are_rotated(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    before, during, after = (f"mole{secrets.token_hex(4)}" for _ in range(3))
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        agent.log(logged(before))
        wait_for(lambda: stored(edge, tenant, [before]), "the alert before")
        first, old = view(edge, tenant)["certificate"], authorities(edge, tenant)
        rotate(edge, tenant)
        wait_for(lambda: down(view(edge, tenant)) == ["indexer"], "the indexer to restart first")
        agent.log(logged(during))
        wait_for(lambda: "manager" in down(view(edge, tenant)), "the manager to restart")
        started = time.monotonic()
        joined = enroll(edge, new_token(edge, tenant), "web-2")
        assert joined.status_code == 201
        agent.await_connected(times=2)
        assert time.monotonic() - started < 60
        wait_for(lambda: ended(view(edge, tenant)), "the end of the rotation")
        agent.log(logged(after))
        wait_for(lambda: stored(edge, tenant, [before, during, after]), "every alert")
        wait_for(lambda: len(events(edge, tenant, "alert")) == 3, "every digest, once")
    seen = view(edge, tenant)
    assert seen["run"]["state"] == "succeeded", seen["run"]
    assert [step["attempts"] for step in seen["run"]["steps"]] == [1] * 6
    assert (first["generation"], seen["certificate"]["generation"]) == (1, 2)
    assert first["ca_fingerprint"] != seen["certificate"]["ca_fingerprint"]
    assert len(old) == len(authorities(edge, tenant)) == 1
    assert old != authorities(edge, tenant)
    listed = edge.call("GET", f"/v1/tenants/{tenant}/agents").json()["agents"]
    assert {one["name"]: one["status"] for one in listed}["web-2"] == "never_connected"


def test_no_two_roles_are_down_at_any_time(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    cursor = edge.call("GET", "/v1/changes?after=0").json()["latest_seq"]
    rotate(edge, tenant)
    wait_for(lambda: ended(view(edge, tenant)), "the end of the rotation")
    changes = edge.call("GET", f"/v1/changes?after={cursor}").json()["changes"]
    told = [change["data"] for change in changes if change["tenant"] == tenant and change["kind"] == "tenant"]
    assert {role for seen in told for role in down(seen)} == set(SERVING)
    assert all(len(down(seen)) <= 1 for seen in told)
    states = {
        (change["data"]["generation"], change["data"]["state"])
        for change in changes
        if change["tenant"] == tenant and change["kind"] == "certificate"
    }
    assert {(1, "previous"), (2, "active")} <= states


def test_the_runtime_killed_at_any_step_leaves_one_generation_on_all_nodes(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    for generation, step in enumerate(("mint", *SERVING), start=2):
        rotate(edge, tenant)
        wait_for(lambda at=step: at in running_steps(view(edge, tenant)), f"the step {step}")
        edge.crash_workerd()
        wait_for(lambda: seen_after_crash(edge, tenant), "the end of the rotation after a crash", 60)
        assert view(edge, tenant)["run"]["state"] == "succeeded"
        assert view(edge, tenant)["certificate"]["generation"] == generation
        assert len(authorities(edge, tenant)) == 1


def running_steps(seen: dict[str, Any]) -> list[str]:
    return [step["name"] for step in seen["run"]["steps"] if step["state"] == "running"] if not ended(seen) else []


def seen_after_crash(edge: Edge, tenant: str) -> bool:
    try:
        return ended(view(edge, tenant))
    except (httpx.HTTPError, KeyError, ValueError):
        return False


def test_an_integration_rotates_by_its_own_credential(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    body = {"idempotency_key": "monday"}
    path = f"{edge.url}/api/certs/rotate"
    wrong = {"authorization": f"Bearer {scoped_token(edge, tenant)}"}
    assert httpx.post(path, json=body, headers=wrong).status_code == 401
    right = {"authorization": f"Bearer {scoped_token(edge, tenant, 'certs:rotate')}"}
    begun = httpx.post(path, json=body, headers=right)
    assert begun.status_code == 202
    wait_for(lambda: ended(view(edge, tenant)), "the end of the rotation")
    assert view(edge, tenant)["run"]["operation_id"] == begun.json()["operation_id"]
    assert httpx.post(path, json=body, headers=right).json() == begun.json()
