"""Who and what passes through the real edge in tests: agents, browsers, installers, and a look into the nodes."""

import base64
import hashlib
import secrets
import socket
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import httpx
import jwt

from local.stack import nodes
from tests.contract.edge_process import REPOSITORY, Edge, random_base32, spec

PORTAL = "http://localhost:8000"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WAIT_SECONDS = 30.0
MIB = 1024 * 1024


def wait_for[Result](look: Callable[[], Result], what: str, seconds: float = WAIT_SECONDS) -> Result:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return found


def new_tenant(edge: Edge) -> str:
    tenant = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec()).status_code == 202
    return tenant


def view(edge: Edge, tenant: str) -> dict[str, Any]:
    return dict(edge.call("GET", f"/v1/tenants/{tenant}").json())


def await_running(edge: Edge, tenant: str) -> None:
    wait_for(lambda: view(edge, tenant)["observed"] == "running", f"{tenant} to run", 60)


def crc_base62(text: str) -> str:
    rest, out = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        out = BASE62[digit] + out
    return out


def new_token(
    edge: Edge,
    tenant: str,
    *,
    max_uses: int = 10,
    groups: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> str:
    """Registers an enrollment token as the control plane does, and returns its text."""
    id = random_base32(10)
    body = f"enr_{tenant}_{id}_" + "".join(secrets.choice(BASE62) for _ in range(22))
    text = body + crc_base62(body)
    definition = {
        "epoch": 1,
        "name": "servers",
        "secret_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        "max_uses": max_uses,
        "groups": list(groups),
        "labels": dict(labels or {}),
    }
    assert edge.call("PUT", f"/v1/tenants/{tenant}/tokens/{id}", definition).status_code == 200
    return text


def token_id(token: str) -> str:
    return token.split("_")[2]


def serves(edge: Edge) -> bool:
    try:
        return httpx.get(f"{edge.url}/livez", timeout=5).is_success
    except httpx.TransportError:
        return False


def enroll(edge: Edge, token: str, name: str, **more: str) -> httpx.Response:
    body = {"token": token, "enrollment_id": str(uuid.uuid4()), "name": name, **more}
    return httpx.post(f"{edge.url}/api/agents/enroll", json=body, timeout=30)


class AgentProcess:
    """The 4.x agent with its connector, as a process of its own."""

    def __init__(self, folder: Path, edge: Edge, token: str, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.output, self._lines = folder / "output", folder / "auth.log"
        (folder / "token").write_text(token)
        argv = [sys.executable, "-m", "local.agent", "--edge", edge.url, "--token-file", str(folder / "token")]
        argv += ["--name", name, "--state", str(folder / "state"), "--log-file", str(self._lines)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
            )

    def await_connected(self, times: int = 1) -> str:
        text = wait_for(lambda: self._connected(times), f"the agent to connect; it said: {self.output.read_text()}")
        return text.rpartition("agent=")[2].strip()

    def _connected(self, times: int) -> str:
        lines = [line for line in self.output.read_text().splitlines() if line.startswith("connected agent=")]
        return lines[-1] if len(lines) >= times else ""

    def refusals(self) -> int:
        """How often the edge has turned it away so far."""
        return self.output.read_text().count("403")

    def log(self, message: str) -> None:
        stamp = time.strftime("%b %e %H:%M:%S")
        with self._lines.open("a") as file:
            file.write(f"{stamp} web-1 sshd[4242]: {message}\n")

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


@contextmanager
def an_agent(folder: Path, edge: Edge, tenant: str, name: str) -> Iterator[AgentProcess]:
    agent = AgentProcess(folder, edge, new_token(edge, tenant, groups=["linux"]), name)
    try:
        yield agent
    finally:
        agent.end()


def scoped_token(edge: Edge, tenant: str, scope: str = "events:read") -> str:
    now = int(time.time())
    claims = {
        **{"iss": "portal", "aud": "edge:test:lo", "sub": "usr_alice", "tenant": tenant, "scope": scope},
        **{"organization": "org_acme", "session": "ses_1", "role": "admin", "iat": now, "exp": now + 600},
    }
    header = {"typ": "edge-scoped+jwt", "kid": edge.access.kid}
    return jwt.encode(claims, edge.access.private, algorithm="EdDSA", headers=header)


def events(edge: Edge, tenant: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        headers = {"authorization": f"Bearer {scoped_token(edge, tenant)}"}
        url = f"{edge.url}/api/events?after={after}&limit=500&kind={kind}"
        page = httpx.get(url, headers=headers).raise_for_status().json()
        found += page["events"]
        if not page["more"]:
            return found
        after = page["next"]


class Browser:
    """As much of a browser as the dashboard's door needs; it dials the edge by address and names the tenant's host."""

    def __init__(self, edge: Edge, tenant: str) -> None:
        self._host = f"{tenant}.localhost:{edge.port}"
        self.client = httpx.Client(base_url=edge.url, headers={"host": self._host, "accept": "text/html"}, timeout=30)
        self._edge, self._tenant = edge, tenant

    def open(self, role: str = "admin", **more: str) -> None:
        body = {
            **{
                "epoch": 1,
                "idempotency_key": secrets.token_hex(8),
                "user": {"id": "usr_alice", "email": "alice@x.example"},
            },
            **{"role": role, "organization": "org_acme", "grant": None, "connection": None, "session": "ses_1"},
            "ends_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
            **more,
        }
        path = f"/v1/tenants/{self._tenant}/dashboard-codes"
        self.enter(self._edge.call("POST", path, body, key=self._edge.access).json()["code"])

    def enter(self, code: str) -> None:
        """What a browser does with the code that the portal hands it."""
        answer = self.client.post("/session", data={"code": code}, headers={"origin": PORTAL})
        assert answer.status_code == 303, answer.text
        self.client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]

    def page(self, path: str = "/dashboard/") -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, body: object = None) -> httpx.Response:
        """What the dashboard's own page would send."""
        own = {"origin": f"http://{self._host}", "accept": "application/json"}
        return self.client.post(path, json=body, headers=own)

    def ask_api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A call to the manager's API, as Wazuh's app in the dashboard puts it."""
        asked = {"id": "tenant", "method": method, "path": path, "body": body or {}}
        return self.post("/dashboard/api/request", asked)


class Machine:
    """The engine as `local.stack.nodes` asks for it."""

    def __init__(self, edge: Edge) -> None:
        self._socket = str(edge.root / "engine.sock")

    def engine(self) -> httpx.Client:
        return httpx.Client(transport=httpx.HTTPTransport(uds=self._socket), base_url="http://engine", timeout=30)


def indexer_of(edge: Edge, tenant: str) -> nodes.Indexer:
    return nodes.Indexer(Machine(edge), tenant)  # type: ignore[arg-type]


def stored(edge: Edge, tenant: str, words: list[str]) -> bool:
    """Whether the indexer holds an alert of each word; False also while it is being replaced."""
    try:
        indexer = indexer_of(edge, tenant)
        return all(indexer.alerts_with(word) for word in words)
    except (ValueError, OSError, RuntimeError, HTTPException):
        return False


def raw_websocket(edge: Edge, path: str, connector: dict[str, str]) -> socket.socket:
    """An open WebSocket as bare bytes: what is sent and what is heeded is up to the test."""
    connection = socket.create_connection(("127.0.0.1", edge.port), 20)
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{edge.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        f"Cf-Access-Client-Id: {connector['id']}",
        f"Cf-Access-Client-Secret: {connector['secret']}",
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert b" 101 " in answer.splitlines()[0], answer
    return connection


def memory_of_workerd(edge: Edge) -> int:
    """Resident bytes of the runtime below the launcher."""
    assert edge.launcher
    pid = edge.launcher._process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(int(Path(f"/proc/{child}/statm").read_text().split()[1]) * 4096 for child in children)


def another_indexer(machine: Machine, tenant: str, gone: nodes.Node) -> bool:
    return any(node.id != gone.id for node in nodes.running(machine, tenant, "indexer"))  # type: ignore[arg-type]
