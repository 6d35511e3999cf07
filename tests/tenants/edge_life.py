"""What becomes of tenants at the edge in memory by itself: runs go on, fail or go back, and the feed tells."""

import copy
from typing import Any

NOW, LATER = "2026-11-20T10:00:00Z", "2056-12-20T10:00:00Z"
STEPS = {
    "start": ["certs", "indexer", "manager", "dashboard", "verify"],
    "stop": ["dashboard", "manager", "indexer"],
    "delete": ["stop", "erase"],
    "rotate": ["mint", "switch", "indexer", "manager", "dashboard", "verify"],
    "upgrade": ["backup", "indexer", "manager", "dashboard", "verify"],
    "resize": ["certs", "indexer", "manager", "dashboard", "verify"],
    "restore": ["backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify"],
    "clone": ["copy", "certs", "indexer", "manager", "dashboard", "verify"],
    "content": ["content_apply", "content_check"],
    "sleep": ["dashboard", "manager", "indexer"],
    "wake": ["indexer", "manager", "dashboard", "verify"],
    "rotate_credentials": ["generate", "switch", "indexer", "manager", "dashboard", "verify"],
}
ROLLING = ("rotate", "rotate_credentials", "upgrade", "resize", "content")
AIMS = {
    "start": "running",
    "stop": "stopped",
    "delete": "absent",
    "sleep": "stopped",
    "wake": "running",
    "restore": "running",
    "clone": "running",
    **dict.fromkeys(ROLLING, "running"),
}


def agent(number: str, **more: object) -> dict[str, object]:
    """An agent as the edge lists it."""
    return {
        "id": number,
        "name": f"host-{number}",
        "token": None,
        "groups": ["default"],
        "status": "active",
        "version": "v4.14.7",
        "ip": "10.0.0.1",
        "last_seen_at": NOW,
        "enrolled_at": NOW,
        "quarantined": False,
        **more,
    }


class EdgeLife:
    """The tenants' views and the feeds, and what happens to them without being asked."""

    def __init__(self) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        self.changes: list[dict[str, Any]] = []
        self.used: list[dict[str, Any]] = []
        self.backups: dict[str, list[dict[str, Any]]] = {}

    def back_up(self, tenant_id: str, backup_id: str, kind: str = "on-demand", **more: Any) -> dict[str, Any]:
        """A backup begins to be made, by whoever asked for it; `state` says where it ends at once."""
        known = next((each for each in self.backups.get(tenant_id, []) if each["id"] == backup_id), None)
        if known is None:
            known = {"id": backup_id, "kind": kind, "state": "running", "at": NOW, "expires_at": LATER, "parts": []}
            self.backups.setdefault(tenant_id, []).insert(0, {**known, "error": None})
            known = self.backups[tenant_id][0]
        known.update(more)
        self.publish(tenant_id, "backup", known)
        return known

    def backed_up(self, tenant_id: str, backup_id: str, version: str = "4.14.7", **more: Any) -> None:
        """The backup is made."""
        roles = (("manager", 41_000_000), ("indexer", 2_300_000_000))
        parts = [{"role": role, "n": 0, "bytes": size, "sha256": "5e" * 32, "version": version} for role, size in roles]
        self.back_up(tenant_id, backup_id, state="succeeded", parts=parts, **more)

    def finish(self, tenant_id: str) -> None:
        """The run under way reaches its aim."""
        view = self.views[tenant_id]
        run = view["run"]
        for step in run["steps"]:
            step.update(state="succeeded", attempts=1, started_at=NOW, finished_at=NOW, error=None)
        run["state"] = "succeeded"
        if run["kind"] != "rotate" and tenant_id in self.bodies and "plan" in self.bodies[tenant_id]:
            view["version"] = self.bodies[tenant_id]["plan"]["version"]
        if "content" in view:
            view["content"]["applied"] = view["content"]["wanted"]
        view["observed"], view["observed_generation"] = AIMS[run["kind"]], view["generation"]
        view["reason"] = None
        self.publish(tenant_id)

    def progress(self, tenant_id: str, step: str) -> None:
        """The run has come to a step."""
        run = self.views[tenant_id]["run"]
        names = [each["name"] for each in run["steps"]]
        for each in run["steps"][: names.index(step)]:
            each.update(state="succeeded", attempts=1, started_at=NOW, finished_at=NOW)
        run["steps"][names.index(step)].update(state="running", attempts=1, started_at=NOW)
        self.views[tenant_id]["observed"] = "degraded" if run["kind"] in ROLLING else "starting"
        self.publish(tenant_id)

    def break_run(self, tenant_id: str, step: str) -> None:
        """The run gives up at a step."""
        self.progress(tenant_id, step)
        view = self.views[tenant_id]
        error = {"code": "NODE_CRASH_LOOP", "message": "The node exits.", "hint": "Look.", "retryable": False}
        failed = next(each for each in view["run"]["steps"] if each["name"] == step)
        failed.update(state="failed", finished_at=NOW, error=error)
        view["run"]["state"], view["observed"], view["reason"] = "failed", "failed", error
        self.publish(tenant_id)

    def begin_rotation(self, tenant_id: str, operation_id: str, kind: str = "rotate") -> None:
        """Certificates or passwords begin to be exchanged, by whoever asked for it."""
        view = self.views[tenant_id]
        steps = self.steps_of(view, kind, operation_id)
        view["run"] = {"operation_id": operation_id, "kind": kind, "state": "running", "steps": steps}
        self.publish(tenant_id)

    def begin_change(self, tenant_id: str, kind: str, operation_id: str) -> None:
        """The tenant begins to sleep or to wake, by whoever asked for it."""
        view = self.views[tenant_id]
        steps = self.steps_of(view, kind, operation_id)
        view["run"] = {"operation_id": operation_id, "kind": kind, "state": "running", "steps": steps}
        view["observed"] = {"sleep": "stopping", "wake": "starting"}[kind]
        view["sleeping"] = {"since": NOW, "because": "It was asked for."} if kind == "sleep" else None
        self.publish(tenant_id)

    def roll_back(self, tenant_id: str, step: str) -> None:
        """What is exchanged, certificates or the version, fails at a step, and what was there comes into use again."""
        self.progress(tenant_id, step)
        view = self.views[tenant_id]
        message = "The manager exited with code 1. The old certificates are in use again."
        code = "ROTATION_ROLLED_BACK"
        if view["run"]["kind"] == "upgrade":
            code, message = "UPGRADE_ROLLED_BACK", "manager: The manager exited. Version 4.14.7 is in use again."
        error = {"code": code, "message": message, "hint": "Ask again.", "retryable": False}
        failed = next(each for each in view["run"]["steps"] if each["name"] == step)
        failed.update(state="failed", finished_at=NOW, error=error)
        done = {"state": "succeeded", "attempts": 1, "started_at": NOW, "finished_at": NOW, "error": None}
        view["run"]["steps"].append({"name": "rollback", **done})
        view["run"]["state"], view["observed"] = "failed", "running"
        self.publish(tenant_id)

    def refuse_content(self, tenant_id: str, words: str) -> None:
        """The manager refuses what was published, and has again what it had."""
        view = self.views[tenant_id]
        error = {"code": "CONTENT_REFUSED", "message": words, "hint": "Correct the file.", "retryable": False}
        failed = next(each for each in view["run"]["steps"] if each["name"] == "content_apply")
        failed.update(state="failed", attempts=1, started_at=NOW, finished_at=NOW, error=error)
        view["run"]["state"], view["observed"] = "failed", "running"
        view["content"]["error"] = error
        self.publish(tenant_id)

    def publish(self, tenant_id: str, kind: str = "tenant", data: dict[str, Any] | None = None) -> None:
        view = self.views.get(tenant_id)
        if kind == "tenant" and view is not None:
            view["seq"] += 1
        told = copy.deepcopy(data if data is not None else view)
        self.changes.append(
            {
                "seq": len(self.changes) + 1,
                "tenant": tenant_id,
                "object_seq": len(self.changes) + 1,
                "kind": kind,
                "at": NOW,
                "data": told,
            }
        )

    def use(self, tenant_id: str, hour: str, kind: str, quantity: float, role: str | None = None) -> None:
        """The tenant object tells what was used in an hour."""
        size = role and "standard-1"
        row = {"hour": hour, "kind": kind, "role": role, "size": size, "quantity": quantity}
        seq = len(self.used) + 1
        self.used.append({"seq": seq, "tenant": tenant_id, "object_seq": 100 + seq, **row})

    def steps_of(self, view: dict[str, Any] | None, kind: str, operation_id: str) -> list[dict[str, Any]]:
        if view and view["run"] and view["run"]["operation_id"] == operation_id:
            kept = copy.deepcopy(view["run"]["steps"])
            for step in kept:
                if step["state"] == "failed":
                    step.update(state="pending", finished_at=None)
            return kept
        empty = {"state": "pending", "attempts": 0, "started_at": None, "finished_at": None, "error": None}
        return [{"name": name, **empty} for name in STEPS[kind]]
