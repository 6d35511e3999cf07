"""What a container sends out: only to workerd, only as itself."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.local.engine_process import EngineProcess, set_egress, until
from tests.local.played import MANAGER_ENVIRONMENT

HEARTBEAT = b"POST /heartbeat HTTP/1.1"


@dataclass
class WorkerdEgress:
    """workerd's egress port: keeps each CONNECT and what follows it; answers both as told."""

    connect_status: bytes = b"200 OK"
    connects: list[bytes] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        self.connects.append(_head(stream))
        connection.sendall(b"HTTP/1.1 " + self.connect_status + b"\r\n\r\n")
        if self.connect_status.startswith(b"200"):
            self.requests.append(_head(stream))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


def _head(stream: object) -> bytes:
    lines = []
    while (line := stream.readline().strip()) != b"":
        lines.append(line)
    return b"\n".join(lines)


@pytest.fixture
def workerd() -> Iterator[WorkerdEgress]:
    egress = WorkerdEgress()
    yield egress
    egress.listener.close()


def start_manager(engine: EngineProcess, name: str, egress_port: int) -> None:
    """A manager sends a heartbeat as soon as it serves; its sidecar knows the egress before."""
    environment = [f"{key}={value}" for key, value in MANAGER_ENVIRONMENT.items()]
    engine.start(f"{name}-proxy", "local/proxy-everything:1", ExposedPorts={"39001/tcp": {}})
    [published] = engine.inspect(f"{name}-proxy")["NetworkSettings"]["Ports"]["39001/tcp"]
    set_egress(int(published["HostPort"]), egress_port)
    network = {"NetworkMode": f"container:{name}-proxy"}
    engine.start(name, "wazuh/wazuh-manager:4.14.7", Env=environment, HostConfig=network)


def test_a_request_reaches_workerd_as_connect_with_the_name_it_was_for(
    engine: EngineProcess, workerd: WorkerdEgress
) -> None:
    start_manager(engine, "one", workerd.port)

    until(lambda: workerd.requests, "the manager's heartbeat arrived")

    assert workerd.connects[0].startswith(b"CONNECT ")
    assert b"X-Hostname: events.internal" in workerd.connects[0]
    assert workerd.requests[0].startswith(HEARTBEAT)
    assert b"Host: events.internal" in workerd.requests[0]
    assert b"proxy-authorization" not in workerd.requests[0].lower()


def test_where_workerd_would_let_bytes_through_there_is_no_way_out(
    engine: EngineProcess, workerd: WorkerdEgress
) -> None:
    workerd.connect_status = b"202 Accepted"

    start_manager(engine, "one", workerd.port)

    until(lambda: "answered 502" in engine.call("GET", "/containers/one/logs").text, "the manager was refused")
    assert workerd.requests == []


def test_without_an_egress_port_a_request_is_refused_with_the_reason(engine: EngineProcess) -> None:
    environment = [f"{key}={value}" for key, value in MANAGER_ENVIRONMENT.items()]
    engine.start("alone", "wazuh/wazuh-manager:4.14.7", Env=environment)

    until(lambda: "answered 502" in engine.call("GET", "/containers/alone/logs").text, "the manager was refused")


def test_a_restarted_workerd_gets_the_requests_at_its_new_port(engine: EngineProcess, workerd: WorkerdEgress) -> None:
    nobody = socket.create_server(("127.0.0.1", 0))
    start_manager(engine, "one", nobody.getsockname()[1])
    nobody.close()
    [published] = engine.inspect("one-proxy")["NetworkSettings"]["Ports"]["39001/tcp"]

    set_egress(int(published["HostPort"]), workerd.port)
    engine.call("POST", "/containers/one/restart")

    until(lambda: workerd.requests, "the manager's heartbeat arrived")


def test_the_sidecar_refuses_an_egress_port_that_is_none(engine: EngineProcess) -> None:
    ingress = engine.start_with_sidecar("one")

    for body in ("{}", "[]", '{"port": 70000}', '{"port": "x"}', "not JSON"):
        assert httpx.put(f"http://127.0.0.1:{ingress}/egress", content=body, trust_env=False).status_code == 400
