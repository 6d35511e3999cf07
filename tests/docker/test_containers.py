"""What only real containers show: their network, their processes, their ends. With `make test-docker`."""

import json
import os
from typing import Any

import pytest

from local.stack import nodes
from tests.contract.edge_process import SERVING, Edge, spec
from tests.contract.edge_state import WireAgent, agents, node_of
from tests.contract.edge_visitors import Machine, await_running, new_tenant, view, wait_for

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.environ.get("ENGINE") != "docker", reason="needs a Docker engine: make test-docker"),
]

# Prints the status of each call, or why there is no answer.
CALLS = """
import http.client, json, sys
def asked(host, port, method, path):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
print(json.dumps([asked(*call) for call in json.loads(sys.argv[1])]))
"""
PROCESSES = """
import json, pathlib
entries = pathlib.Path("/proc").glob("[0-9]*/cmdline")
print(json.dumps({entry.parent.name: entry.read_text().split(chr(0)) for entry in entries}))
"""


@pytest.fixture(scope="module")
def tenant(edge: Edge) -> str:
    made = new_tenant(edge)
    await_running(edge, made)
    return made


def inside(edge: Edge, container: str, program: str, *arguments: str) -> Any:
    """What a Python program prints, as JSON, that is run in a container."""
    command = {"AttachStdout": True, "Tty": True, "Cmd": ["/python3", "-c", program, *arguments]}
    with Machine(edge).engine() as engine:
        made = engine.post(f"/containers/{container}/exec", json=command).raise_for_status().json()
        return json.loads(engine.post(f"/exec/{made['Id']}/start", json={"Tty": True}).raise_for_status().text)


def ended(edge: Edge, container: str) -> dict[str, Any]:
    with Machine(edge).engine() as engine:
        return dict(engine.get(f"/containers/{container}/json").raise_for_status().json()["State"])


def test_a_node_gets_the_answers_of_its_gate_and_of_nobody_else(edge: Edge, tenant: str) -> None:
    expected = {
        ("indexer.internal", 80, "GET", "/"): 401,  # the indexer's own, to a caller without its password
        ("indexer.internal", 80, "GET", "/_search"): 403,
        ("state.internal", 80, "GET", "/files/" + "0" * 64): 404,
        ("events.internal", 80, "GET", "/alerts"): 403,
        ("mesh.internal", 80, "GET", "/7"): 426,
    }
    closed = [
        ("repository.internal", 80, "GET", "/snapshots"),
        ("indexer.internal", 9200, "GET", "/"),
        ("example.com", 80, "GET", "/"),
        ("192.0.2.7", 80, "GET", "/"),
        ("192.0.2.7", 443, "GET", "/"),
    ]
    answers = inside(edge, node_of(edge, tenant, "manager").id, CALLS, json.dumps([*expected, *closed]))
    assert dict(zip(expected, answers, strict=False)) == expected
    assert [answer for answer in answers[len(expected) :] if isinstance(answer, int)] == []


@pytest.mark.parametrize("role", SERVING)
def test_a_node_is_the_first_process_and_sees_no_others(edge: Edge, tenant: str, role: str) -> None:
    seen = inside(edge, node_of(edge, tenant, role).id, PROCESSES)
    assert "local.docker.node" in seen.pop("1")
    assert [command[1] for command in seen.values()] == ["-c"], seen


def test_nodes_end_in_order_and_start_from_what_they_saved(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    agent = WireAgent(edge, tenant, "web-1", groups=["linux"])
    recorded = agent.startup()
    assert agent.says(recorded)
    agent.leave()
    first = {role: node_of(edge, tenant, role).id for role in SERVING}

    edge.call("PUT", f"/v1/tenants/{tenant}", spec(2, requested="stopped")).raise_for_status()
    wait_for(lambda: view(edge, tenant)["observed"] == "stopped", "the tenant to stop", 60)
    states = {role: ended(edge, container) for role, container in first.items()}
    assert {role: (state["Status"], state["ExitCode"]) for role, state in states.items()} == dict.fromkeys(
        SERVING, ("exited", 0)
    )

    edge.call("PUT", f"/v1/tenants/{tenant}", spec(3)).raise_for_status()
    await_running(edge, tenant)
    assert set(first.values()).isdisjoint(node_of(edge, tenant, role).id for role in SERVING)
    assert not agent.says(recorded)  # it was counted before the stop
    assert agent.says(agent.startup())
    agent.leave()
    assert agents(edge, tenant)["web-1"]["groups"] == ["linux"]


def test_a_container_that_is_removed_is_replaced(edge: Edge, tenant: str) -> None:
    gone = node_of(edge, tenant, "dashboard")
    nodes.destroy(Machine(edge), gone)  # type: ignore[arg-type]
    wait_for(lambda: _another(edge, tenant, gone), "another dashboard", 60)
    await_running(edge, tenant)


def _another(edge: Edge, tenant: str, gone: nodes.Node) -> bool:
    return any(node.id != gone.id for node in nodes.running(Machine(edge), tenant, gone.role))  # type: ignore[arg-type]
