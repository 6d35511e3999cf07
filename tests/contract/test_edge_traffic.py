"""What passes through the real edge: an agent's alerts, the dashboard that shows them, and the doors that shut."""

import hashlib
import json
import secrets
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local.stack import nodes
from tests.contract.edge_process import REPOSITORY, Edge, random_base32, spec

pytestmark = pytest.mark.stack

PORTAL = "http://localhost:8000"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WAIT_SECONDS = 30.0


def wait_for[Result](look: Callable[[], Result], what: str, seconds: float = WAIT_SECONDS) -> Result:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    running = Edge(tmp_path_factory.mktemp("traffic"))
    try:
        yield running.start()
    finally:
        running.stop()


def new_tenant(edge: Edge) -> str:
    tenant = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec()).status_code == 202
    return tenant


def view(edge: Edge, tenant: str) -> dict[str, Any]:
    return dict(edge.call("GET", f"/v1/tenants/{tenant}").json())


def await_running(edge: Edge, tenant: str) -> None:
    wait_for(lambda: view(edge, tenant)["observed"] == "running", f"{tenant} to run", 60)


@pytest.fixture(scope="module")
def tenant(edge: Edge) -> str:
    made = new_tenant(edge)
    await_running(edge, made)
    return made


def crc_base62(text: str) -> str:
    rest, out = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        out = BASE62[digit] + out
    return out


def new_token(edge: Edge, tenant: str, *, max_uses: int = 10, groups: list[str] | None = None) -> str:
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
        "groups": groups or [],
        "labels": {},
    }
    assert edge.call("PUT", f"/v1/tenants/{tenant}/tokens/{id}", definition).status_code == 200
    return text


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


def scoped_token(edge: Edge, tenant: str) -> str:
    now = int(time.time())
    claims = {
        **{"iss": "portal", "aud": "edge:test:lo", "sub": "usr_alice", "tenant": tenant, "scope": "events:read"},
        **{"organization": "org_acme", "session": "ses_1", "role": "admin", "iat": now, "exp": now + 600},
    }
    header = {"typ": "edge-scoped+jwt", "kid": edge.access.kid}
    return jwt.encode(claims, edge.access.private, algorithm="EdDSA", headers=header)


def events(edge: Edge, tenant: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        headers = {"authorization": f"Bearer {scoped_token(edge, tenant)}"}
        page = httpx.get(f"{edge.url}/api/events?after={after}&limit=500", headers=headers).raise_for_status().json()
        if not page["events"]:
            return [event for event in found if event["kind"] == kind]
        found += page["events"]
        after = page["next"]


class Browser:
    """As much of a browser as the dashboard's door needs; it dials the edge by address and names the tenant's host."""

    def __init__(self, edge: Edge, tenant: str) -> None:
        self._host = f"{tenant}.localhost:{edge.port}"
        self.client = httpx.Client(base_url=edge.url, headers={"host": self._host, "accept": "text/html"}, timeout=30)
        self._edge, self._tenant = edge, tenant

    def open(self, role: str = "admin") -> None:
        body = {
            **{
                "epoch": 1,
                "idempotency_key": secrets.token_hex(8),
                "user": {"id": "usr_alice", "email": "alice@x.example"},
            },
            **{"role": role, "organization": "org_acme", "grant": None, "connection": None, "session": "ses_1"},
            "ends_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        }
        path = f"/v1/tenants/{self._tenant}/dashboard-codes"
        issued = self._edge.call("POST", path, body, key=self._edge.access).json()
        answer = self.client.post("/session", data={"code": issued["code"]}, headers={"origin": PORTAL})
        assert answer.status_code == 303, answer.text
        self.client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]

    def page(self, path: str = "/dashboard/") -> httpx.Response:
        return self.client.get(path)


class Machine:
    """The engine as `local.stack.nodes` asks for it."""

    def __init__(self, edge: Edge) -> None:
        self._socket = str(edge.root / "engine.sock")

    def engine(self) -> httpx.Client:
        return httpx.Client(transport=httpx.HTTPTransport(uds=self._socket), base_url="http://engine", timeout=30)


def indexer_of(edge: Edge, tenant: str) -> nodes.Indexer:
    return nodes.Indexer(Machine(edge), tenant)  # type: ignore[arg-type]


def test_an_agents_alert_reaches_indexer_stream_and_dashboard(edge: Edge, tenant: str, tmp_path: Path) -> None:
    word, silent = f"mole{secrets.token_hex(4)}", f"quiet{secrets.token_hex(4)}"
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        number = agent.await_connected()
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        agent.log(f"Server listening on {silent} port 22.")
        indexer = indexer_of(edge, tenant)
        (hit,) = wait_for(lambda: indexer.alerts_with(word), "the alert in the indexer")
        assert word in hit["_source"]["full_log"]
        assert len(hit["_id"]) == 64
        alerts = wait_for(lambda: events(edge, tenant, "alert"), "the alert in the stream")
        assert [event["data"]["id"] for event in alerts] == [hit["_source"]["id"]]
        assert alerts[0]["data"]["agent"]["id"] == number
        assert word not in json.dumps(alerts)
        assert not indexer.alerts_with(silent)
        browser = Browser(edge, tenant)
        browser.open()
        assert word in browser.page().text
        indexer.delete(hit)
        assert word not in browser.page().text
        listed = edge.call("GET", f"/v1/tenants/{tenant}/agents").json()
        assert listed["agents"][0] | {"name": "web-1", "status": "active", "groups": ["linux"]} == listed["agents"][0]


def test_killing_the_indexer_with_its_disk_loses_nothing(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    words = [f"mole{secrets.token_hex(4)}" for _ in range(6)]
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        for word in words[:3]:
            agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        indexer = indexer_of(edge, tenant)
        wait_for(lambda: all(indexer.alerts_with(word) for word in words[:3]), "the first alerts")
        machine = Machine(edge)
        (node,) = nodes.running(machine, tenant, "indexer")  # type: ignore[arg-type]
        nodes.destroy(machine, node)  # type: ignore[arg-type]
        for word in words[3:]:
            agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: len(events(edge, tenant, "alert")) == 6, "all digests")
        wait_for(lambda: _another(machine, tenant, node), "another indexer")
        await_running(edge, tenant)
        replacement = indexer_of(edge, tenant)
        wait_for(lambda: all(replacement.alerts_with(word) for word in words), "every alert in the replacement")
        assert [len(replacement.alerts_with(word)) for word in words] == [1] * 6


def _another(machine: Machine, tenant: str, gone: nodes.Node) -> bool:
    return any(node.id != gone.id for node in nodes.running(machine, tenant, "indexer"))  # type: ignore[arg-type]


def test_a_manager_that_starts_empty_gets_its_agents_back(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        machine = Machine(edge)
        (node,) = nodes.running(machine, tenant, "manager")  # type: ignore[arg-type]
        nodes.destroy(machine, node)  # type: ignore[arg-type]
        agent.await_connected(times=2)
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: indexer_of(edge, tenant).alerts_with(word), "an alert after the manager's replacement")


def test_agents_come_back_within_a_minute_after_the_runtime_was_killed(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        edge.kill_workerd()
        edge.start_launcher()
        started = time.monotonic()
        agent.await_connected(times=2)
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: indexer_of(edge, tenant).alerts_with(word), "an alert after the restart", 60)
        assert time.monotonic() - started < 60


def test_a_quarantined_agent_is_cut_off_and_stays_out(edge: Edge, tenant: str, tmp_path: Path) -> None:
    with an_agent(tmp_path, edge, tenant, "web-9") as agent:
        number = agent.await_connected()
        body = {"epoch": 1, "idempotency_key": "q", "reason": "it sends malware"}
        answer = edge.call("POST", f"/v1/tenants/{tenant}/agents/{number}/quarantine", body)
        assert answer.json()["quarantined"] is True
        wait_for(lambda: "403" in agent.output.read_text(), "the agent to be refused")
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        time.sleep(2)
        assert not indexer_of(edge, tenant).alerts_with(word)


def test_racing_installers_get_exactly_as_many_agents_as_the_token_has_uses(edge: Edge, tenant: str) -> None:
    token = new_token(edge, tenant, max_uses=8)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: enroll(edge, token, f"racer-{n}"), range(32)))
    assert sorted(answer.status_code for answer in answers) == [201] * 8 + [403] * 24
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"TOKEN_USED_UP"}
    assert len({answer.json()["agent_id"] for answer in answers if answer.status_code == 201}) == 8


def test_an_enrollment_that_lost_its_answer_is_repeated_over_a_restart(edge: Edge, tenant: str) -> None:
    token, same = new_token(edge, tenant), str(uuid.uuid4())
    first = enroll(edge, token, "repeat-1", enrollment_id=same)
    edge.kill_workerd()
    edge.start_launcher()
    second = enroll(edge, token, "repeat-1", enrollment_id=same)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_a_viewer_may_look_but_not_change(edge: Edge, tenant: str) -> None:
    browser = Browser(edge, tenant)
    browser.open("viewer")
    assert browser.page().status_code == 200
    origin = f"http://{tenant}.localhost:{edge.port}"
    assert browser.client.post("/dashboard/api/anything", headers={"origin": origin}).status_code == 403


def test_no_secret_of_an_enrollment_lies_in_plain_text(edge: Edge, tenant: str) -> None:
    token = new_token(edge, tenant)
    answer = enroll(edge, token, "sealed-1").json()
    needles = [token, answer["key"], answer["connector"]["secret"]]
    files = [
        path for path in edge.root.rglob("*") if path.is_file() and "nodes" not in path.relative_to(edge.root).parts
    ]
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle.encode() in content], path
