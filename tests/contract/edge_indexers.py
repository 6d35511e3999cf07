"""What tests of several indexers need: the nodes one by one, and alerts that come in without an agent."""

import base64
import json
import secrets
from http.client import HTTPConnection, HTTPException
from typing import Any

from local.stack import nodes
from tests.contract.edge_managers import credential, outgoing
from tests.contract.edge_process import Edge, plan
from tests.contract.edge_visitors import Machine

INDEX = "wazuh-alerts-4.x-2026.11.26"
EVERY = "/wazuh-alerts-4.x-*/_search"


def among(count: int) -> dict[str, Any]:
    """A plan with so many indexers."""
    wanted = plan()
    wanted["roles"]["indexer"]["count"] = count
    return wanted


def indexers(edge: Edge, tenant: str) -> dict[int, nodes.Node]:
    """The running indexers by their number."""
    found = nodes.running(Machine(edge), tenant, "indexer")  # type: ignore[arg-type]
    return {int(node.environment["NODE_NAME"].rpartition("-")[2]): node for node in found}


def lose(edge: Edge, tenant: str, *numbers: int) -> None:
    """Kills indexers with their disks, at once."""
    found = indexers(edge, tenant)
    for n in numbers:
        nodes.destroy(Machine(edge), found[n])  # type: ignore[arg-type]


def asked(edge: Edge, node: nodes.Node, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and answer of an indexer, asked inside its machine as its administrator."""
    connection = HTTPConnection("127.0.0.1", timeout=20)
    machine: Any = Machine(edge)
    connection.sock = nodes.dial(nodes.sidecar_port(machine, node), 9200)
    password = node.environment["INDEXER_PASSWORD"]
    basic = base64.b64encode(f"admin:{password}".encode()).decode()
    headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def uuid_of(edge: Edge, node: nodes.Node) -> str:
    return str(asked(edge, node, "GET", "/")[1]["cluster_uuid"])


def whole(edge: Edge, tenant: str, count: int) -> bool:
    """Whether so many indexers run and each says that all of them are there."""
    found = indexers(edge, tenant)
    if sorted(found) != list(range(count)):
        return False
    try:
        said = [asked(edge, node, "GET", "/_cluster/health?local=true")[1] for node in found.values()]
    except (OSError, RuntimeError, ValueError):
        return False  # one of them is only starting
    return all(one.get("number_of_nodes") == count and one.get("status") == "green" for one in said)


def words_in(edge: Edge, node: nodes.Node) -> set[str]:
    query = {"query": {"match_all": {}}, "size": 10_000}
    status, found = asked(edge, node, "POST", EVERY, query)
    assert status == 200, found
    return {hit["_source"].get("full_log", "") for hit in found["hits"]["hits"]}


def sends(edge: Edge, tenant: str, count: int = 1) -> set[str]:
    """Alerts as the tenant's manager sends them; their words, once they are acknowledged."""
    manager, *_ = nodes.running(Machine(edge), tenant, "manager")  # type: ignore[arg-type]
    words = {f"mole{secrets.token_hex(6)}" for _ in range(count)}
    lines = [
        line
        for word in words
        for line in (
            {"index": {"_index": INDEX}},
            {"id": word, "timestamp": "2026-11-26T10:00:00.000+0000", "full_log": word},
        )
    ]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    status, answer = from_inside(
        manager, "POST", "http://indexer.internal/_bulk", body, {"content-type": "application/x-ndjson"}
    )
    assert (status, answer["errors"]) == (200, False), answer
    return words


def tries(edge: Edge, tenant: str) -> set[str]:
    """As `sends`, while the manager may be replaced as well: nothing where it is away."""
    try:
        return sends(edge, tenant)
    except (OSError, HTTPException, ValueError, AssertionError):
        return set()


def found_by_people(edge: Edge, tenant: str, words: set[str]) -> bool:
    """Whether a search that comes the dashboard's way finds them all."""
    (dashboard,) = nodes.running(Machine(edge), tenant, "dashboard")  # type: ignore[arg-type]
    person = {"x-proxy-user": "usr_1", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "10.0.0.1"}
    query = json.dumps({"query": {"match_all": {}}, "size": 10_000})
    headers = {**person, "content-type": "application/json"}
    status, answer = from_inside(dashboard, "POST", f"http://indexer.internal{EVERY}", query, headers)
    return status == 200 and words <= {hit["_source"].get("full_log") for hit in answer["hits"]["hits"]}


def from_inside(
    node: nodes.Node, method: str, url: str, body: str, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """A request out of a node's container, through its gate."""
    connection = outgoing(node)
    try:
        connection.request(method, url, body, {**credential(node), **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()
