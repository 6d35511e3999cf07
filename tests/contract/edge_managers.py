"""What tests of several managers need: their API, one of their agents' places, and a node that misbehaves."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.stack import nodes
from tests.contract.edge_process import Edge, plan, random_base32
from tests.contract.edge_visitors import MIB, Machine, events, view, wait_for


def several(count: int, version: str = "4.14.7") -> dict[str, Any]:
    """A plan with so many managers."""
    wanted = plan(version)
    wanted["roles"]["manager"]["count"] = count
    return wanted


def manager(edge: Edge, tenant: str, n: int) -> nodes.Node | None:
    """The running container of a manager."""
    found = nodes.running(Machine(edge), tenant, "manager")  # type: ignore[arg-type]
    return next((node for node in found if node.environment["NODE_NAME"] == f"manager-{n}"), None)


def required(edge: Edge, tenant: str, n: int) -> nodes.Node:
    found = manager(edge, tenant, n)
    assert found, f"manager {n} does not run"
    return found


def kill_manager(edge: Edge, tenant: str, n: int) -> None:
    nodes.kill(Machine(edge), required(edge, tenant, n))  # type: ignore[arg-type]


def asked(edge: Edge, tenant: str, path: str, n: int = 0, method: str = "GET") -> list[dict[str, Any]]:
    """The items that a manager's API answers."""
    node = required(edge, tenant, n)
    given = node.environment
    basic = base64.b64encode(f"{given['API_USERNAME']}:{given['API_PASSWORD']}".encode()).decode()
    token = _call(edge, node, "POST", "/security/user/authenticate", f"Basic {basic}")["data"]["token"]
    items: list[dict[str, Any]] = _call(edge, node, method, path, f"Bearer {token}")["data"]["affected_items"]
    return items


def _call(edge: Edge, node: nodes.Node, method: str, path: str, authorization: str) -> Any:
    connection = HTTPConnection("127.0.0.1")
    machine: Any = Machine(edge)
    connection.sock = nodes.dial(nodes.sidecar_port(machine, node), 55000)
    try:
        connection.request(method, path, headers={"authorization": authorization})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def own_manager(agent: str, running: list[int]) -> int:
    """Where an agent belongs while these managers run: `worker/src/tenant/managers.ts`."""
    return max(running, key=lambda n: hashlib.sha256(f"{agent}:{n}".encode()).hexdigest())


def last_place(edge: Edge, tenant: str, agent: str) -> int | None:
    """The manager that made the agent's newest alert."""
    made = [event["data"] for event in events(edge, tenant, "alert") if event["data"]["agent"]["id"] == agent]
    return int(made[-1]["manager"]) if made else None


def tell(edge: Edge, node: nodes.Node, name: str) -> None:
    """Sends a signal to a node's process."""
    with Machine(edge).engine() as engine:
        engine.post(f"/containers/{node.id}/kill", params={"signal": name}).raise_for_status()


def end(edge: Edge, tenant: str) -> None:
    body = {"epoch": 1, "generation": 99, "operation_id": f"op_{random_base32(20)}"}
    assert edge.call("DELETE", f"/v1/tenants/{tenant}", body).status_code == 202
    wait_for(lambda: view(edge, tenant)["observed"] == "absent", f"{tenant} to be gone", 60)


def upgraded(node: nodes.Node, target: str) -> socket.socket:
    """An open WebSocket out of a node's container, as bare bytes."""
    connection = _asking(node, target)
    answer = connection.getresponse()
    assert answer.status == 101, answer.status
    stream: socket.socket = connection.sock
    return stream


def flooded(stream: socket.socket, size: int) -> int:
    """Sends frames without heed until the other side cuts the connection; how many bytes went out."""
    frame = struct.pack("!BBQ", 0x82, 0xFF, MIB) + bytes(4) + bytes(MIB)
    stream.settimeout(10)
    sent = 0
    with stream, contextlib.suppress(ConnectionError, TimeoutError):
        while sent < size:
            stream.sendall(frame)
            sent += MIB
    return sent


def knocked(node: nodes.Node, target: str, **headers: str) -> int:
    """The status that a request out of a node's container is answered with."""
    connection = _asking(node, target, **headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def outgoing(node: nodes.Node) -> HTTPConnection:
    """A connection to the proxy that carries what a container sends out."""
    proxy = urlsplit(node.environment["HTTP_PROXY"])
    return HTTPConnection(proxy.hostname or "", proxy.port or 0, timeout=20)


def credential(node: nodes.Node) -> dict[str, str]:
    """By which that proxy knows the container."""
    proxy = urlsplit(node.environment["HTTP_PROXY"])
    basic = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    return {"proxy-authorization": f"Basic {basic}"}


def _asking(node: nodes.Node, target: str, **headers: str) -> HTTPConnection:
    given = {**credential(node), "upgrade": "websocket", "sec-websocket-version": "13"}
    key = base64.b64encode(bytes(16)).decode()
    connection = outgoing(node)
    connection.request("GET", target, headers={**given, "sec-websocket-key": key, **headers})
    return connection
