"""A tenant's nodes as an operator of this machine sees them through the container engine."""

import json
import socket
from base64 import b64encode
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx

from local.stack.handle import StackHandle

INSIDE = {"manager": 55000, "indexer": 9200, "dashboard": 5601}
SIDECAR_PORT = "39001/tcp"
BEHIND = "container:"  # a node has its sidecar's network


@dataclass(frozen=True)
class Node:
    """A running container of a tenant."""

    id: str
    tenant: str
    role: str
    network: str
    environment: dict[str, str]

    @property
    def name(self) -> str:
        """Its role and number, `indexer-0`."""
        return self.environment["NODE_NAME"]


def running(stack: StackHandle, tenant: str = "", role: str = "") -> list[Node]:
    """The running nodes, of one tenant or one role where named."""
    with stack.engine() as engine:
        listed = engine.get("/containers/json").raise_for_status().json()
        nodes = [_node(engine, row["Id"]) for row in listed if row["HostConfig"]["NetworkMode"].startswith(BEHIND)]
    return [node for node in nodes if node and tenant in ("", node.tenant) and role in ("", node.role)]


def _node(engine: httpx.Client, container: str) -> Node | None:
    """Whose a container is stands in its environment; workerd hands no labels on to a local engine."""
    response = engine.get(f"/containers/{container}/json")
    if response.status_code == 404:  # it ended since it was listed
        return None
    found = response.raise_for_status().json()
    environment = dict(entry.split("=", 1) for entry in found["Config"]["Env"])
    role = environment["NODE_NAME"].partition("-")[0]
    return Node(container, environment["TENANT_ID"], role, found["HostConfig"]["NetworkMode"], environment)


def kill(stack: StackHandle, node: Node) -> None:
    """SIGKILL to the node's process; its disk stays until the edge replaces it."""
    with stack.engine() as engine:
        engine.post(f"/containers/{node.id}/kill", params={"signal": "SIGKILL"}).raise_for_status()


def destroy(stack: StackHandle, node: Node) -> None:
    """Removes the node's process and its disk."""
    with stack.engine() as engine:
        engine.delete(f"/containers/{node.id}", params={"force": "true"}).raise_for_status()


def sidecar_port(stack: StackHandle, node: Node) -> int:
    """The published port of a node's sidecar. Raises httpx.HTTPStatusError where the node has just ended."""
    with stack.engine() as engine:
        sidecar = engine.get(f"/containers/{node.network.removeprefix(BEHIND)}/json").raise_for_status().json()
    return int(sidecar["NetworkSettings"]["Ports"][SIDECAR_PORT][0]["HostPort"])


class Indexer:
    """A tenant's indexer, asked from inside its machine with its own administrator's password.

    Args:
        stack: what it runs on.
        tenant: its id.
        node: which of several; without it the only one.
    """

    def __init__(self, stack: StackHandle, tenant: str, node: Node | None = None) -> None:
        (self.node,) = [node] if node else running(stack, tenant, "indexer")
        self._port = sidecar_port(stack, self.node)
        self._sign_in = b64encode(f"admin:{self.node.environment['INDEXER_PASSWORD']}".encode()).decode()

    def alerts_with(self, word: str) -> list[dict[str, Any]]:
        """The alerts whose original log line holds the word."""
        query = {"query": {"match": {"full_log": word}}, "size": 100}
        hits: list[dict[str, Any]] = self._ask("POST", "/wazuh-alerts-4.x-*/_search", query)["hits"]["hits"]
        return hits

    def index_settings(self) -> dict[str, Any]:
        """What each index of alerts was made with, by its name."""
        found = self._ask("GET", "/wazuh-alerts-4.x-*/_settings")
        return {name: each["settings"]["index"] for name, each in found.items()}

    def all_ids(self) -> set[str]:
        query = {"query": {"match_all": {}}, "size": 10000, "_source": False}
        return {hit["_id"] for hit in self._ask("POST", "/wazuh-alerts-4.x-*/_search", query)["hits"]["hits"]}

    def delete(self, hit: dict[str, Any]) -> None:
        self._ask("DELETE", f"/{hit['_index']}/_doc/{hit['_id']}?refresh=true")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1")
        connection.sock = self._dial()
        headers = {"authorization": f"Basic {self._sign_in}", "content-type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
            if response.status >= 400:
                raise RuntimeError(f"indexer: {method} {path}: {response.status} {answer}")
            return answer
        finally:
            connection.close()

    def _dial(self) -> socket.socket:
        return dial(self._port, INSIDE["indexer"])


def dial(sidecar: int, inside: int) -> socket.socket:
    """A connection to a port of a container through its sidecar's, the only way in."""
    stream = socket.create_connection(("127.0.0.1", sidecar), 10)
    stream.sendall(f"CONNECT 127.0.0.1:{inside} HTTP/1.1\r\nX-Dst-Addr: 127.0.0.1:{inside}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += stream.recv(1)
    if b" 200 " not in answer.splitlines()[0]:
        raise RuntimeError(f"the machine refused: {answer.decode()}")
    return stream
