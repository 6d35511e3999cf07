"""The edge in memory with what pages show besides: nodes, certificates, agents, events, with times of today."""

import datetime as dt
import threading
from typing import Any

import httpx

from tests.tenants.edge import FakeEdge

ROLES = ("manager", "indexer", "dashboard")
AGENT_NAMES = ("wms-01", "wms-02", "edi-02", "sftp-01", "track-web-02", "bf-lap-0142")


def ago(seconds: float) -> str:
    """An ISO time so many seconds before now (after now for negative ones)."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LivelyEdge(FakeEdge):
    """Tells the control plane of tenants as the Worker would while they come up, fail or run."""

    # Of the class: the tests copy their edge.
    _turn = threading.RLock()

    def __init__(self) -> None:
        super().__init__()
        self.post_to = ""

    def handle(self, request: httpx.Request) -> httpx.Response:
        """One at a time: a page's parts ask side by side, and a door looks at the request that came last."""
        with self._turn:
            return super().handle(request)

    def run(self, tenant_id: str, *, agents: int = 0, silent: int = 0, certificate_days: int = 300) -> None:
        """The tenant comes up in whole."""
        view = self.views[tenant_id]
        self._steps_up_to(view, None)
        view["nodes"] = [self._node(role, "running") for role in ROLES]
        view["credentials"] = {"generation": 2, "rotated_at": ago(12 * 86400)}
        view["certificate"] = {
            "generation": 1,
            "not_after": ago(-certificate_days * 86400 - 3600),
            "renew_at": ago(-certificate_days * 57600 - 3600),
            "fingerprint": "3f" * 32,
            "ca_fingerprint": "7a" * 32,
        }
        view["agents"] = {"enrolled": agents, "active": agents - silent}
        words = f"{silent} of {agents} agents {'is' if silent == 1 else 'are'} silent."
        view["attention"] = [{"code": "AGENTS_SILENT", "message": words, "hint": ""}] if silent else []
        view["stream"] = {"seq": 30 if agents else 0, "last_event_at": ago(4) if agents else None}
        view["ingest"] = {"verified_at": ago(240)}
        view["run"]["state"], view["observed"], view["observed_generation"] = "succeeded", "running", view["generation"]
        self.agents[tenant_id] = [self._agent(n, n > agents - silent) for n in range(1, agents + 1)]
        self._tell(tenant_id)

    def ail(self, tenant_id: str, role: str, code: str, message: str) -> None:
        """A node runs on and is not well, and has not been for a while."""
        view = self.views[tenant_id]
        node = next(each for each in view["nodes"] if each["role"] == role)
        detail = {"code": code, "message": message}
        node["health"] = {"state": "failing", "detail": detail, "since": ago(130), "checked_at": ago(4)}
        reason = f"The {role} runs, but it is not well. {message}"
        view["observed"], view["reason"] = "degraded", {"code": "NODE_UNHEALTHY", "message": reason, "hint": "Look."}
        self._tell(tenant_id)

    def reach(self, tenant_id: str, step: str) -> None:
        """The run has come to a step."""
        view = self.views[tenant_id]
        self._steps_up_to(view, step)
        states = {"indexer": "running", "manager": "absent", "dashboard": "absent"}
        view["nodes"] = [self._node(role, "starting" if role == step else states[role]) for role in ROLES]
        view["observed"] = "starting"
        self._tell(tenant_id)

    def give_up(self, tenant_id: str, step: str) -> None:
        """The run ends at a step whose node exits."""
        self.reach(tenant_id, step)
        view = self.views[tenant_id]
        error = {
            "code": "NODE_EXITED",
            "message": f"The {step} ended with code 1 while it was starting.",
            "hint": "Retry once the cause is gone.",
            "retryable": False,
        }
        failed = next(each for each in view["run"]["steps"] if each["name"] == step)
        failed.update(state="failed", attempts=3, finished_at=ago(20), error=error)
        for node in view["nodes"]:
            if node["role"] == step:
                node.update(state="failed", exit_code=1, restarts=2)
        view["run"]["state"], view["observed"], view["reason"] = "failed", "failed", error
        self._tell(tenant_id)

    def stop(self, tenant_id: str) -> None:
        """The tenant goes down."""
        view = self.views[tenant_id]
        self._steps_up_to(view, None)
        view["nodes"] = [self._node(role, "stopped") for role in ROLES]
        view["run"]["state"], view["observed"], view["observed_generation"] = "succeeded", "stopped", view["generation"]
        self._tell(tenant_id)

    def enrolled(self, tenant_id: str, token_id: str, name: str = "wms-01", number: str = "001") -> None:
        """An agent joins with a token."""
        data = {
            "token": token_id,
            "uses": 1,
            "max_uses": 40,
            "enrollment_id": "e",
            "agent": {"id": number, "name": name, "groups": ["servers"]},
            "address": "198.51.100.24",
        }
        for agent in self.agents.get(tenant_id, []):
            if agent["id"] == number:
                agent["token"] = token_id
        self.publish(tenant_id, "enrollment", data)

    def refused(self, tenant_id: str, token_id: str, reason: str) -> None:
        """Somebody is kept out."""
        data = {"token": token_id, "reason": reason, "name": "unknown-host", "address": "192.0.2.199"}
        self.publish(tenant_id, "refusal", data)

    def publish(self, tenant_id: str, kind: str = "tenant", data: dict[str, Any] | None = None) -> None:
        """As of now, because pages tell how long ago it was."""
        super().publish(tenant_id, kind, data)
        self.changes[-1]["at"] = ago(3)

    def _tell(self, tenant_id: str) -> None:
        self.views[tenant_id]["updated_at"] = ago(3)
        self.publish(tenant_id)

    def _steps_up_to(self, view: dict[str, Any], running: str | None) -> None:
        began = 140.0
        for step in view["run"]["steps"]:
            if step["name"] == running:
                step.update(state="running", attempts=1, started_at=ago(41))
                return
            took = {"certs": 4, "indexer": 62, "manager": 31, "dashboard": 18, "verify": 2}.get(step["name"], 3)
            step.update(state="succeeded", attempts=1, started_at=ago(began), finished_at=ago(began - took), error=None)
            began -= took

    def _node(self, role: str, state: str) -> dict[str, Any]:
        up = state in ("running", "starting")
        return {
            "role": role,
            "n": 0,
            "state": state,
            "image": f"wazuh/wazuh-{role}:4.14.7",
            "instance": "standard-2" if role == "indexer" else "standard-1",
            "started_at": ago(3700 if state == "running" else 41) if up else None,
            "restarts": 0,
            "exit_code": 0 if state == "stopped" else None,
            "health": {"state": "ok" if state == "running" else "unknown", "detail": None, "since": ago(3600)},
        }

    def _agent(self, n: int, is_silent: bool) -> dict[str, Any]:
        return {
            "id": f"{n:03}",
            "name": AGENT_NAMES[(n - 1) % len(AGENT_NAMES)],
            "token": None,
            "groups": ["servers"] if n % 2 else [],
            "status": "disconnected" if is_silent else "active",
            "version": "v4.14.7",
            "ip": f"198.51.100.{20 + n}",
            "last_seen_at": ago(900 if is_silent else 3 * n),
            "enrolled_at": ago(86400 * n),
            "quarantined": False,
        }

    def _code(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        return httpx.Response(201, json={"code": "code_once", "post_to": self.post_to, "expires_at": ago(-30)})
