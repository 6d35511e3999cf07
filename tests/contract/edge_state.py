"""What tests of saved state need: an agent whose frames can be sent again, nodes that lose their disk, R2's files."""

import re
import socket
import struct
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from local.agent.frames import Channel
from local.stack import nodes
from tests.contract.edge_process import Edge
from tests.contract.edge_visitors import Machine, await_running, enroll, new_token, raw_websocket, view, wait_for

STATE_PORT = 9199


class WireAgent:
    """An enrolled agent as bare frames."""

    def __init__(self, edge: Edge, tenant: str, name: str, *, groups: Sequence[str] = ()) -> None:
        self._edge, self._tenant = edge, tenant
        self.enrolled = enroll(edge, new_token(edge, tenant, groups=groups), name).raise_for_status().json()
        self._channel = Channel(self.enrolled["agent_id"], self.enrolled["key"])
        self._socket: socket.socket | None = None

    def frame(self, text: str) -> bytes:
        return self._channel.seal(text)

    def startup(self) -> bytes:
        return self.frame('#!-agent startup {"version":"v4.14.7"}')

    def says(self, frame: bytes) -> bool:
        """Sends a frame on a new connection; whether the manager acknowledged it."""
        self.leave()
        self._socket = raw_websocket(self._edge, f"/agents/{self._tenant}/1514", self.enrolled["connector"])
        self._send(frame)
        return self._answer().startswith(b"#AES:")

    def tell(self, text: str) -> None:
        """Sends an event on the connection that is open; events are not acknowledged."""
        assert self._socket
        self._send(self.frame(text))

    def _send(self, frame: bytes) -> None:
        assert self._socket
        self._socket.sendall(b"\x82\xfe" + struct.pack(">H", len(frame)) + bytes(4) + frame)

    def _answer(self) -> bytes:
        """The payload of the first data frame; empty where the connection ends first."""
        assert self._socket
        self._socket.settimeout(15)
        data = b""
        while (part := self._socket.recv(4096)) and not (data[:1] == b"\x82" and len(data) > 8):
            data += part
            if data[:1] == b"\x88":
                return b""
            if data[:1] == b"\x82" and len(data) > 8:
                break
        return data[2 + 4 :] if data[:1] == b"\x82" else b""

    def leave(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None


def node_of(edge: Edge, tenant: str, role: str) -> nodes.Node:
    (node,) = nodes.running(Machine(edge), tenant, role)  # type: ignore[arg-type]
    return node


def save_now(edge: Edge, tenant: str, role: str) -> int:
    """Has a node save its state as the edge does; the archive's number."""
    connection = HTTPConnection("127.0.0.1")
    port = nodes.sidecar_port(Machine(edge), node_of(edge, tenant, role))  # type: ignore[arg-type]
    connection.sock = nodes.dial(port, STATE_PORT)
    try:
        connection.request("POST", "/save")
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
    finally:
        connection.close()
    return int(re.findall(rb"\d+", said)[0])


def lose(edge: Edge, tenant: str, role: str) -> None:
    """Kills a node with its disk, and waits until another one serves."""
    gone = node_of(edge, tenant, role)
    nodes.destroy(Machine(edge), gone)  # type: ignore[arg-type]
    found = lambda: nodes.running(Machine(edge), tenant, role)  # type: ignore[arg-type]  # noqa: E731
    wait_for(lambda: any(node.id != gone.id for node in found()), f"another {role}")
    await_running(edge, tenant)


def archive_files(edge: Edge) -> list[Path]:
    """Everything that R2 holds on this machine's disk."""
    return [path for path in (edge.root / "edge").rglob("*") if path.is_file() and "r2" in path.parts]


def sealed_everywhere(edge: Edge, word: str) -> bool:
    files = archive_files(edge)
    assert files
    return not any(word.encode() in path.read_bytes() for path in files)


def trouble(edge: Edge, tenant: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = view(edge, tenant)["state_trouble"]
    return found


def agents(edge: Edge, tenant: str) -> dict[str, dict[str, Any]]:
    listed = edge.call("GET", f"/v1/tenants/{tenant}/agents").json()
    assert not listed["partial"], listed
    return {agent["name"]: agent for agent in listed["agents"]}


def stamp() -> str:
    return time.strftime("%b %e %H:%M:%S")
