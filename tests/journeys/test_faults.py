"""Parts die in the middle of work, and nothing that was acknowledged is lost."""

import httpx
import pytest

from local.demo.machine import Machine
from local.portal_api import PortalApi
from local.stack import nodes
from local.stack.handle import StackHandle, wait_for
from local.stream import replay
from local.visitor import Visitor
from local.welcome import sign_up_with_oidc

pytestmark = pytest.mark.stack
OWNER = "bob@baltic.example"


@pytest.fixture(scope="module")
def organization(stack: StackHandle) -> str:
    with Visitor(stack.layout.portal) as bob:
        found = sign_up_with_oidc(bob, OWNER, "Baltic Freight")
    stack.manage("set_plan", "--organization", found, "--plan", "large")
    return found


@pytest.fixture(scope="module")
def api(stack: StackHandle, organization: str) -> PortalApi:
    key = stack.manage("create_api_key", "--organization", organization, "--owner", OWNER)
    return PortalApi(stack.layout.portal, key)


def back(stack: StackHandle, part: str, killed: int) -> None:
    wait_for(lambda: stack.description["parts"].get(part) not in (None, killed), f"{part} after its death", 60)


@pytest.mark.parametrize("part", ["worker", "beat", "broker", "edge"])
def test_a_tenant_converges_when_a_part_dies_half_way(
    stack: StackHandle, api: PortalApi, organization: str, part: str
) -> None:
    asked = api.post("/tenants", {"organization": organization, "name": f"Without {part}"})
    killed = stack.kill_part(part)
    api.succeeded(asked["operation"]["id"], 120)
    tenant = asked["tenant"]["id"]
    assert api.get(f"/tenants/{tenant}")["status"] == "running"
    assert sorted(node.role for node in nodes.running(stack, tenant)) == ["dashboard", "indexer", "manager"]
    back(stack, part, killed)


def test_a_worker_outlives_its_broker(stack: StackHandle, api: PortalApi, organization: str) -> None:
    worker = stack.description["parts"]["worker"]
    back(stack, "broker", stack.kill_part("broker"))
    asked = api.post("/tenants", {"organization": organization, "name": "After the broker"})
    api.succeeded(asked["operation"]["id"], 30)
    assert stack.description["parts"]["worker"] == worker


def test_agents_are_back_and_no_alert_is_lost_after_the_edge_died(
    stack: StackHandle, api: PortalApi, organization: str
) -> None:
    asked = api.post("/tenants", {"organization": organization, "name": "Edge dies"})
    tenant = asked["tenant"]["id"]
    api.succeeded(asked["operation"]["id"])
    with Machine(stack.layout, api.enrollment_token(tenant, "machines"), "survivor-01") as machine:
        machine.connected()
        machine.log("Invalid user beforehand from 203.0.113.9 port 4022")
        wait_for(lambda: nodes.Indexer(stack, tenant).alerts_with("beforehand"), "the first alert", 30)
        back(stack, "edge", stack.kill_part("edge"))
        api.wait_until(f"/tenants/{tenant}", lambda row: row["status"] in ("running", "attention"), 60)
        wait_for(lambda: machine.connections() >= 2, "the agent's return", 60)
        machine.log("Invalid user afterwards from 203.0.113.9 port 4022")
        wait_for(lambda: _found(stack, tenant, "afterwards"), "an alert after the death", 60)
        assert _found(stack, tenant, "beforehand")
    alerts = [event["data"]["id"] for event in replay(api, tenant) if event["kind"] == "alert"]
    assert len(alerts) == len(set(alerts)) == 2


def _found(stack: StackHandle, tenant: str, word: str) -> list[dict[str, object]]:
    try:
        return nodes.Indexer(stack, tenant).alerts_with(word)
    except (OSError, ValueError, RuntimeError, httpx.HTTPError):  # it is being replaced
        return []
