"""An engine as a process of its own, spoken to over its socket."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
DEADLINE = 15.0
SIDECAR_IMAGE = "local/proxy-everything:1"
INDEXER_ENV = ["INDEXER_PASSWORD=Indexer.1-password", "NODE_NAME=indexer-0"]


def until(holds: Callable[[], Any], what: str) -> Any:
    """Waits for a condition, with a deadline; what it returned."""
    end = time.monotonic() + DEADLINE
    while not (value := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {DEADLINE} s: {what}")
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class EngineProcess:
    """`python -m local.engine` under a directory of the test's."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.root, self.socket = directory / "engine", directory / "e.sock"
        self._options = options

    def __enter__(self) -> "EngineProcess":
        command = [sys.executable, "-m", "local.engine", "--socket", self.socket, "--root", self.root, *self._options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.greeting = self.process.stdout.readline()
        transport = httpx.HTTPTransport(uds=str(self.socket))
        self.http = httpx.Client(transport=transport, base_url="http://engine", timeout=DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, path, json=body)

    def create(self, name: str, image: str = "wazuh/wazuh-indexer:4.14.7", **config: Any) -> None:
        body = {"Image": image, "Env": INDEXER_ENV, **config}
        answer = self.call("POST", f"/containers/create?name={name}", body)
        assert answer.status_code == 201, answer.text

    def start(self, name: str, image: str = "wazuh/wazuh-indexer:4.14.7", **config: Any) -> None:
        self.create(name, image, **config)
        assert self.call("POST", f"/containers/{name}/start").status_code == 204

    def start_with_sidecar(self, name: str, image: str = "wazuh/wazuh-indexer:4.14.7", **config: Any) -> int:
        """As workerd does: the sidecar first, then the node in its network; the sidecar's published port."""
        self.start(f"{name}-proxy", SIDECAR_IMAGE, ExposedPorts={"39001/tcp": {}})
        self.start(name, image, HostConfig={"NetworkMode": f"container:{name}-proxy"}, **config)
        [published] = self.inspect(f"{name}-proxy")["NetworkSettings"]["Ports"]["39001/tcp"]
        return int(published["HostPort"])

    def inspect(self, name: str) -> dict[str, Any]:
        return self.call("GET", f"/containers/{name}/json").json()

    def pid(self, name: str) -> int:
        return self.inspect(name)["State"]["Pid"]

    def wait(self, name: str, condition: str = "not-running") -> int:
        return self.call("POST", f"/containers/{name}/wait?condition={condition}").json()["StatusCode"]

    def remove_everything(self) -> None:
        for container in self.call("GET", "/containers/json?all=1").json():
            self.call("DELETE", f"/containers/{container['Id']}?force=true")

    def disk(self, name: str) -> Path:
        """The directory that is the container's disk."""
        return Path(self.inspect(name)["GraphDriver"]["Data"]["Dir"])

    def disks(self) -> list[Path]:
        return list((self.root / "containers").glob("*/disk"))


def connect_into(ingress: int, port: int) -> socket.socket | None:
    """A byte stream to a port inside the container, through the sidecar; None where nothing listens there."""
    stream = socket.create_connection(("127.0.0.1", ingress), DEADLINE)
    # workerd's CONNECT carries no Host header
    stream.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nX-Dst-Addr: 127.0.0.1:{port}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(1)
    if head.split(b" ")[1] == b"200":
        return stream
    stream.close()
    return None


def ask_inside(ingress: int, port: int, path: str) -> bytes:
    """The whole answer of an HTTP GET to a port inside the container."""
    stream = until(lambda: connect_into(ingress, port), f"something listens on {port}")
    with stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := stream.recv(65536):
            answer += chunk
    return answer


def set_egress(ingress: int, port: int) -> None:
    """Tells the sidecar where workerd takes outgoing requests."""
    answer = httpx.put(f"http://127.0.0.1:{ingress}/egress", content=json.dumps({"port": port}), trust_env=False)
    assert answer.status_code == 204, answer.text


def kill_hard(pid: int) -> None:
    os.kill(pid, 9)
