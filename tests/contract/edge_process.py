"""The real edge on this machine: engine stand-in and launcher as processes, and a client that signs its own proofs."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

REPOSITORY = Path(__file__).parents[2]
NODE = REPOSITORY / "worker/node_modules/.bin/node"
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
CELL = "lo"
VERSIONS = {
    **{"4.14.7": "v4147", "4.14.6": "v4146", "4.14.7-exits": "v4147exits", "4.14.8-blind": "v4148blind"},
    "5.0.0-rc": "v500rc",
}
IMAGES = {
    "manager": "wazuh/wazuh-manager",
    "indexer": "wazuh/wazuh-indexer",
    "dashboard": "wazuh/wazuh-dashboard",
    "certs": "garrison/certs",
}
START_SECONDS = 30
# For what tests do to the stand-in engine itself, or through a node's way out, which a real one has inside.
ON_STAND_IN = pytest.mark.skipif(os.environ.get("ENGINE") == "docker", reason="needs the stand-in engine")
SERVING = ("indexer", "manager", "dashboard")


def random_base32(length: int) -> str:
    return "".join(secrets.choice(BASE32) for _ in range(length))


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class DoorKey:
    """A signing key of one door."""

    door: str
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def kid(self) -> str:
        return hashlib.sha256(self.public).hexdigest()[:16]

    def registration(self) -> dict[str, Any]:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(self.public)}
        return {"kid": self.kid, "door": self.door, "jwk": jwk}

    def proof(self, method: str, path: str, body: bytes, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": "portal",
            "aud": f"edge:test:{CELL}",
            "iat": now,
            "exp": now + 30,
            "jti": secrets.token_hex(16),
            "htm": method,
            "htu": path,
            "bh": base64url(hashlib.sha256(body).digest()),
            **changes,
        }
        header = {"typ": f"edge-{self.door}+jwt", "kid": self.kid}
        return jwt.encode(claims, self.private, algorithm="EdDSA", headers=header)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process that ends with this one: it reads the pipe that this one holds."""

    def __init__(self, argv: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.log = log
        self._output = log.open("ab")
        self._process = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, line: bytes, times: int = 1) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.log.read_bytes().count(line) < times:
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.02)

    def tell(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still meanwhile, and whoever asks it something waits."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def end(self) -> int:
        if self._process.stdin:
            self._process.stdin.close()
        code = self._process.wait(timeout=30)
        self._close()
        return code

    def _close(self) -> None:
        self._output.close()


@dataclass
class Edge:
    """One cell on this machine."""

    root: Path
    port: int = field(default_factory=free_port)
    control: DoorKey = field(default_factory=lambda: DoorKey("control"))
    access: DoorKey = field(default_factory=lambda: DoorKey("access"))
    id_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    engine: Child | None = None
    launcher: Child | None = None
    _starts: int = 0
    _engines: int = 0
    # What another engine than the stand-in has otherwise.
    runtime = "stand-in"
    images = IMAGES
    orderly = 143  # how a node ends that is told to: by the signal
    attempts = 1  # that a step takes at most, while many tenants start at once
    environment: ClassVar[dict[str, str]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Edge":
        build = [str(NODE), "scripts/build.mjs", str(self.root / "index.js")]
        subprocess.run(build, cwd=REPOSITORY / "worker", check=True, timeout=START_SECONDS)
        configuration = self.root / "edge.json"
        configuration.write_text(json.dumps(self._configuration()))
        self.start_engine()
        self.start_launcher()
        return self

    def start_engine(self) -> None:
        socket_path, nodes = self.root / "engine.sock", self.root / "nodes"
        argv = [sys.executable, "-m", "local.engine", "--socket", str(socket_path), "--root", str(nodes)]
        self._engines += 1
        self.engine = Child(argv, self.root / f"engine-{self._engines}.log")
        self.engine.wait_until(b"ready")

    def start_launcher(self) -> None:
        self._starts += 1
        argv = [str(NODE), str(REPOSITORY / "local/edge/launch.mjs"), str(self.root / "edge.json")]
        self.launcher = Child(argv, self.root / f"edge-{self._starts}.log", self.environment)
        self.launcher.wait_until(b"ready http")

    def stop(self) -> None:
        for child in (self.launcher, self.engine):
            if child:
                child.end()

    def new_tenant_id(self) -> str:
        checked = CELL + random_base32(16)
        mac = hmac.new(self.id_key, checked.encode(), hashlib.sha256).digest()[:5]
        return checked + base64.b32encode(mac).decode().lower()

    def call(self, method: str, path: str, body: Any = None, *, key: DoorKey | None = None) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        proof = (key or self.control).proof(method, path, content)
        headers = {"authorization": f"Bearer {proof}"} | ({"content-type": "application/json"} if content else {})
        return httpx.request(method, self.url + path, content=content, headers=headers, timeout=35)

    def containers(self) -> list[dict[str, Any]]:
        """The engine's own list of what runs."""
        transport = httpx.HTTPTransport(uds=str(self.root / "engine.sock"))
        with httpx.Client(transport=transport, base_url="http://engine") as client:
            return list(client.get("/containers/json").json())

    def kill_node(self, image: str) -> None:
        """SIGKILLs the process of the one running container of an image."""
        found = [container for container in self.containers() if image in container["Image"]]
        assert len(found) == 1, found
        transport = httpx.HTTPTransport(uds=str(self.root / "engine.sock"))
        with httpx.Client(transport=transport, base_url="http://engine") as client:
            client.post(f"/containers/{found[0]['Id']}/kill", params={"signal": "SIGKILL"}).raise_for_status()

    def reset_objects(self) -> None:
        """Has all objects end and come anew, as a deploy does, while the Worker's own connections stand."""
        self._order(b"reset")

    def deploy(self) -> None:
        """Has the launcher take the bundle as it lies there now."""
        self._order(b"deploy")

    def _order(self, line: bytes) -> None:
        assert self.launcher
        done = b"\n" + line + b"\n"
        before = self.launcher.log.read_bytes().count(done)
        self.launcher.tell(line)
        self.launcher.wait_until(done, before + 1)

    def crash_workerd(self) -> None:
        """SIGKILLs the runtime alone; the launcher starts another one, and containers go on."""
        for child in self._children_of_launcher():
            os.kill(child, signal.SIGKILL)

    def kill_workerd(self) -> None:
        """SIGKILLs the runtime and the launcher above it, as a crash of the machine would."""
        assert self.launcher
        children = self._children_of_launcher()
        self.launcher.kill()
        for child in children:
            os.kill(child, signal.SIGKILL)

    def _children_of_launcher(self) -> list[int]:
        assert self.launcher
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [line.split() for line in listed.splitlines()]
        return [int(pid) for pid, parent in pairs if int(parent) == self.launcher.pid]

    def _configuration(self) -> dict[str, Any]:
        data_keys = {"current": "k1", "keys": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()}}
        variables = {
            "ENVIRONMENT": "test",
            "CELL_ID": CELL,
            "RUNTIME": self.runtime,
            "CONTROL_KEYS": json.dumps([self.control.registration(), self.access.registration()]),
            "PORTAL_ORIGIN": "http://localhost:8000",
            "API_HOSTS": f"127.0.0.1:{self.port},localhost:{self.port}",
            "DASHBOARD_ZONE": f"localhost:{self.port}",
            "PUBLIC_URL": f"http://localhost:{self.port}",
            "VERSIONS": json.dumps(VERSIONS),
            "CELL_ID_KEY": self.id_key.hex(),
            "DATA_KEYS": json.dumps(data_keys),
        }
        images = {
            role: {key: f"{image}:{version}" for version, key in VERSIONS.items()}
            for role, image in self.images.items()
        }
        return {
            "port": self.port,
            "engine_socket": str(self.root / "engine.sock"),
            "persist": str(self.root / "edge"),
            "vars": variables,
            "images": images,
            "bundle": str(self.root / "index.js"),
        }


def plan(version: str = "4.14.7") -> dict[str, Any]:
    sizes = {"manager": "standard-1", "indexer": "standard-2", "dashboard": "standard-1"}
    return {
        "version": version,
        "roles": {role: {"count": 1, "instance": instance} for role, instance in sizes.items()},
        "certificate_days": 365,
        "retention_days": 10,
        "max_agents": 50,
    }


def spec(
    generation: int = 1, *, requested: str = "running", operation: str | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "epoch": 1,
        "generation": generation,
        "operation_id": operation or f"op_{random_base32(20)}",
        "requested": requested,
        "plan": plan(),
        **changes,
    }
