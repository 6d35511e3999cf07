"""Passwords exchanged on the real edge: each node is asked itself, with the old and with the new."""

import secrets
import ssl
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import nodes
from tests.contract.edge_process import SERVING, Edge, random_base32
from tests.contract.edge_visitors import Machine, an_agent, await_running, events, new_tenant, stored, view, wait_for

pytestmark = pytest.mark.stack

INDEXER_CALL = ("GET", "/_plugins/_security/authinfo")
MANAGER_CALL = ("POST", "/security/user/authenticate")
READER = {"x-proxy-user": "usr_vera", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "198.51.100.7"}
# who signs in: the node, the user, the variable that holds the password, the call
SIGN_INS = (
    ("indexer", "admin", "INDEXER_PASSWORD", INDEXER_CALL),
    ("indexer", "kibanaserver", "DASHBOARD_PASSWORD", INDEXER_CALL),
    ("manager", "wazuh-wui", "API_PASSWORD", MANAGER_CALL),
)


def rotate(edge: Edge, tenant: str) -> None:
    body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
    assert edge.call("POST", f"/v1/tenants/{tenant}/credentials/rotate", body).status_code == 202


def ended(seen: dict[str, Any]) -> bool:
    return seen["run"]["kind"] == "rotate_credentials" and seen["run"]["state"] != "running"


def environments(edge: Edge, tenant: str) -> dict[str, dict[str, str]]:
    found = nodes.running(Machine(edge), tenant)  # type: ignore[arg-type]
    return {node.role: node.environment for node in found if node.role in SERVING}


def asked(edge: Edge, tenant: str, role: str, call: tuple[str, str], headers: dict[str, str]) -> int:
    """The status with which a node answers whoever reaches its port."""
    machine: Any = Machine(edge)
    (node,) = nodes.running(machine, tenant, role)
    connection = HTTPConnection("127.0.0.1")
    connection.sock = nodes.dial(nodes.sidecar_port(machine, node), nodes.INSIDE[role])
    try:
        connection.request(*call, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def signs_in(edge: Edge, tenant: str, given: dict[str, dict[str, str]]) -> list[int]:
    """The answers to every sign-in with the passwords of an environment."""
    answers = []
    for role, user, name, call in SIGN_INS:
        basic = b64encode(f"{user}:{given[role][name]}".encode()).decode()
        answers.append(asked(edge, tenant, role, call, {"authorization": f"Basic {basic}"}))
    return answers


def enrollment_answers(edge: Edge, tenant: str, given: dict[str, dict[str, str]]) -> str:
    """What the manager says on 1515 to an agent with this password and a group that is not there."""
    machine: Any = Machine(edge)
    (node,) = nodes.running(machine, tenant, "manager")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(nodes.dial(nodes.sidecar_port(machine, node), 1515)) as connection:
        connection.sendall(f"OSSEC PASS: {given['manager']['AUTHD_PASSWORD']} OSSEC A:'web-9' G:'none'\n".encode())
        return connection.recv(1024).decode()


def test_the_old_passwords_open_nothing_and_the_new_ones_everything_while_agents_go_on(
    edge: Edge, tmp_path: Path
) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    before, during, after = (f"mole{secrets.token_hex(4)}" for _ in range(3))
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        agent.log(f"Invalid user {before} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [before]), "the alert before")
        old = environments(edge, tenant)
        assert signs_in(edge, tenant, old) == [200, 200, 200]
        rotate(edge, tenant)
        wait_for(lambda: view(edge, tenant)["observed"] == "degraded", "the first role to restart")
        agent.log(f"Invalid user {during} from 203.0.113.9 port 4022")
        wait_for(lambda: ended(view(edge, tenant)), "the end of the rotation")
        agent.await_connected(times=2)
        agent.log(f"Invalid user {after} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [before, during, after]), "every alert")
        wait_for(lambda: len(events(edge, tenant, "alert")) == 3, "every digest, once")
    seen, new = view(edge, tenant), environments(edge, tenant)
    assert seen["run"]["state"] == "succeeded", seen["run"]
    assert seen["credentials"]["generation"] == 2
    assert seen["certificate"]["generation"] == 1
    assert signs_in(edge, tenant, old) == [401, 401, 401]
    assert signs_in(edge, tenant, new) == [200, 200, 200]
    assert enrollment_answers(edge, tenant, old) == "ERROR: Invalid password"
    assert enrollment_answers(edge, tenant, new).startswith("ERROR: Invalid group: none")
    for path in ("/dashboard/api/status", "/dashboard/agents"):
        assert asked(edge, tenant, "dashboard", ("GET", path), READER) == 200
    secret = [name for name in new["dashboard"] if name.endswith("PASSWORD")]
    assert sorted(secret) == ["API_PASSWORD", "COOKIE_PASSWORD", "INDEXER_PASSWORD"]
    assert not {old["dashboard"][name] for name in secret} & {new["dashboard"][name] for name in secret}


def test_the_runtime_killed_in_the_middle_leaves_one_generation_on_all_nodes(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    rotate(edge, tenant)
    wait_for(lambda: "manager" in going(view(edge, tenant)), "the manager's turn")
    edge.crash_workerd()
    wait_for(lambda: ended_after_crash(edge, tenant), "the end of the rotation after a crash", 60)
    new = environments(edge, tenant)
    assert view(edge, tenant)["run"]["state"] == "succeeded"
    assert new["manager"]["API_PASSWORD"] == new["dashboard"]["API_PASSWORD"]
    assert new["indexer"]["DASHBOARD_PASSWORD"] == new["dashboard"]["INDEXER_PASSWORD"]
    assert signs_in(edge, tenant, new) == [200, 200, 200]


def going(seen: dict[str, Any]) -> list[str]:
    return [step["name"] for step in seen["run"]["steps"] if step["state"] == "running"]


def ended_after_crash(edge: Edge, tenant: str) -> bool:
    try:
        return ended(view(edge, tenant))
    except (httpx.HTTPError, KeyError, ValueError):
        return False
