"""Two tenants' managers and dashboards side by side: the same ports inside, and nothing shared."""

import base64
import json
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any

import pytest

from tests.local.engine_process import EngineProcess, connect_into, until
from tests.local.played import MANAGER_ENVIRONMENT

AGENTS, ENROLLMENT, API, DASHBOARD = 1514, 1515, 55000, 5601
PROXY_HEADERS = "X-Proxy-User: usr_vera\r\nX-Proxy-Roles: tenant_readonly\r\nX-Forwarded-For: 198.51.100.7\r\n"
PING, PONG = struct.pack("<I", 5) + b"#ping", struct.pack("<I", 5) + b"#pong"


@dataclass(frozen=True)
class Tenant:
    """One tenant's two nodes in the engine."""

    engine: EngineProcess
    name: str
    manager: int
    dashboard: int

    @classmethod
    def started(cls, engine: EngineProcess, name: str) -> "Tenant":
        facts = {**MANAGER_ENVIRONMENT, "AUTHD_PASSWORD": f"enroll-{name}", "API_PASSWORD": f"Api.1-{name}"}

        def start(role: str) -> int:
            environment = [f"{key}={value}" for key, value in {**facts, "NODE_NAME": f"{name}-{role}"}.items()]
            return engine.start_with_sidecar(f"{name}-{role}", f"wazuh/wazuh-{role}:4.14.7", Env=environment)

        return cls(engine, name, start("manager"), start("dashboard"))

    def open(self, port: int) -> socket.socket:
        ingress = self.dashboard if port == DASHBOARD else self.manager
        return until(lambda: connect_into(ingress, port), f"{self.name} listens on {port}")

    def enroll(self, agent: str, password: str) -> str:
        """What the manager answers to one enrollment line over TLS."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(self.open(ENROLLMENT)) as stream:
            stream.sendall(f"OSSEC PASS: {password} OSSEC A:'{agent}'\n".encode())
            return all_of(stream).decode()

    def sign_in(self, password: str) -> Any:
        basic = base64.b64encode(f"{MANAGER_ENVIRONMENT['API_USERNAME']}:{password}".encode()).decode()
        head = f"POST /security/user/authenticate HTTP/1.1\r\nAuthorization: Basic {basic}\r\nContent-Length: 0\r\n"
        return ask(self.open(API), head)

    def agents(self) -> list[str]:
        token = self.sign_in(f"Api.1-{self.name}")["data"]["token"]
        listed = ask(self.open(API), f"GET /agents?sort=%2Bid HTTP/1.1\r\nAuthorization: Bearer {token}\r\n")
        return [agent["name"] for agent in listed["data"]["affected_items"]]


def all_of(stream: socket.socket) -> bytes:
    answer = b""
    while chunk := stream.recv(65536):
        answer += chunk
    return answer


def ask(stream: socket.socket, head: str) -> Any:
    """The JSON of the answer to one request."""
    with stream:
        stream.sendall(f"{head}Host: node\r\nConnection: close\r\n\r\n".encode())
        return json.loads(all_of(stream).partition(b"\r\n\r\n")[2])


@pytest.fixture
def tenants(engine: EngineProcess) -> list[Tenant]:
    return [Tenant.started(engine, name) for name in ("northgate", "harbor")]


def test_each_tenants_nodes_listen_on_all_of_their_own_ports_at_once(tenants: list[Tenant]) -> None:
    streams = {(tenant.name, port): tenant.open(port) for tenant in tenants for port in (AGENTS, API, DASHBOARD)}
    for tenant in tenants:
        with streams[tenant.name, AGENTS] as agents:
            agents.sendall(PING)
            assert agents.recv(len(PONG), socket.MSG_WAITALL) == PONG
        assert ask(streams[tenant.name, API], "GET / HTTP/1.1\r\n")["title"] == "Unauthorized"
        status = ask(streams[tenant.name, DASHBOARD], f"GET /dashboard/api/status HTTP/1.1\r\n{PROXY_HEADERS}")
        assert status["name"] == f"{tenant.name}-dashboard"


def test_an_agent_enrolls_and_an_administrator_signs_in_only_where_the_password_is_from(tenants: list[Tenant]) -> None:
    for tenant, other in zip(tenants, reversed(tenants), strict=True):
        assert tenant.enroll(f"web-{tenant.name}", f"enroll-{other.name}") == "ERROR: Invalid password"
        assert tenant.enroll(f"web-{tenant.name}", f"enroll-{tenant.name}").startswith("OSSEC K:'001 ")
        assert tenant.sign_in(f"Api.1-{other.name}")["title"] == "Unauthorized"

    for tenant in tenants:
        assert tenant.agents() == [f"{tenant.name}-manager", f"web-{tenant.name}"]


def test_the_end_of_one_tenants_manager_leaves_the_others_nodes_alone(tenants: list[Tenant]) -> None:
    ended, lasting = tenants
    for tenant in tenants:
        tenant.open(AGENTS).close()

    ended.engine.call("POST", f"/containers/{ended.name}-manager/kill")
    assert ended.engine.wait(f"{ended.name}-manager") == 137

    until(lambda: connect_into(ended.manager, AGENTS) is None, "the killed manager's port is closed")
    for port in (AGENTS, ENROLLMENT, API, DASHBOARD):
        lasting.open(port).close()
    ended.open(DASHBOARD).close()
