"""Events of the edge's stream ready to be read: one line each, whatever their kind."""

from collections.abc import Callable, Mapping
from typing import Any

from tenants.enrollment.marks import REFUSALS

Data = Mapping[str, Any]

HIGH_LEVEL, MEDIUM_LEVEL = 12, 7
"""Rule levels from which an alert is drawn as failed and as attention (Wazuh counts 0 to 15)."""

AUDIT = {
    "tenant.specified": "The portal said what the tenant is to be",
    "tenant.deletion_asked": "The tenant is to be deleted",
    "tenant.fell_asleep": "The tenant went to sleep",
    "tenant.woken": "The tenant was woken",
    "token.registered": "An enrollment token was made",
    "token.revoked": "An enrollment token was revoked",
    "token.quarantined": "An enrollment token and all agents it let in were quarantined",
    "dashboard.opening_asked": "Somebody was let into the dashboard",
    "dashboard.opened": "Somebody opened the dashboard",
    "access.revoked": "Access was ended",
    "agent.quarantined": "An agent was quarantined",
    "agents.ordered": "Agents were grouped, upgraded or removed",
    "agents.imported": "Agents were imported",
    "certificates.rotation_asked": "New certificates were asked for",
    "certificates.rotated": "Certificates were exchanged",
    "certificates.rolled_back": "New certificates did not serve; the old ones are in use again",
    "certificates.rotation_failed": "Certificates were not exchanged",
    "credentials.rotation_asked": "New passwords for the nodes were asked for",
    "credentials.rotated": "The nodes' passwords were exchanged",
    "credentials.rolled_back": "New passwords did not serve; the old ones are in use again",
    "credentials.rotation_failed": "The nodes' passwords were not exchanged",
    "version.changed": "The version was changed",
    "version.rolled_back": "The new version did not serve; the one before is in use again",
    "version.change_failed": "The version was not changed",
    "backup.ordered": "A backup was ordered",
    "backup.succeeded": "A backup was made",
    "backup.failed": "A backup was not made",
    "backup.expired": "A backup reached its end and was removed",
    "backup.restore": "A backup is put back",
    "export.ordered": "An export was ordered",
    "export.succeeded": "An export was made",
    "export.failed": "An export was not made",
    "export.expired": "An export reached its end and was removed",
    "rehydration.begun": "An archived day is loaded",
    "operator.acted": "An operator of the platform acted",
    "trail.noted": "The portal told where its own audit trail ends",
}

KINDS = (
    ("", "All"),
    ("alert", "Alerts"),
    ("lifecycle", "Lifecycle"),
    ("enrollment", "Enrollment"),
    ("agent", "Agents"),
    ("audit", "Audit"),
)


def event_row(event: Data) -> dict[str, Any]:
    """One event: when, how grave, what, which agent, which rule, which technique."""
    data: Data = event.get("data") or {}
    kind = str(event.get("kind", ""))
    told = TELLERS.get(kind, _other)(data)
    return {"seq": event["seq"], "at": event.get("at"), "kind": kind, "level": None, "tone": "", **told}


def _alert(data: Data) -> dict[str, Any]:
    rule, agent = _part(data, "rule"), _part(data, "agent")
    level = _level(rule.get("level"))
    techniques = _part(rule, "mitre").get("id") or []
    return {
        "words": str(rule.get("description") or "Alert"),
        "level": level,
        "tone": "text-failed" if level >= HIGH_LEVEL else "text-attention" if level >= MEDIUM_LEVEL else "text-muted",
        "agent": _text(agent.get("name")),
        "rule": _text(rule.get("id")),
        "technique": ", ".join(map(str, techniques[:2])) if isinstance(techniques, list) else _text(techniques),
    }


HEALTH = {"ok": "is well again", "unknown": "was not asked how it is"}
"""What is said of a node's health, where that is not the state's own name."""


def _lifecycle(data: Data) -> dict[str, Any]:
    reason = _part(data, "reason").get("message")
    if "trouble" in data:
        node, message = _plain(data.get("node")), _part(data, "trouble").get("message")
        return {"words": f"{node}'s state is not safe: {message}".capitalize(), "tone": "text-attention"}
    if "health" in data:
        health = _plain(data["health"])
        words = f"{_plain(data.get('node'))} {HEALTH.get(health, f'is {health}')}".capitalize()
        return {"words": f"{words}: {reason}" if reason else words}
    observed = _plain(data.get("observed", "changing"))
    words = "Tenant failed" if observed == "failed" else f"Tenant is {observed}"
    return {"words": f"{words}: {reason}" if reason else words}


def _enrollment(data: Data) -> dict[str, Any]:
    agent = _part(data, "agent")
    if data.get("outcome") == "refused":
        why = REFUSALS.get(str(data.get("reason")), _plain(data.get("reason")))
        return {"words": f"Enrollment refused: {why}", "agent": _text(data.get("name")), "tone": "text-attention"}
    return {"words": "An agent enrolled", "agent": _text(agent.get("name"))}


def _agent(data: Data) -> dict[str, Any]:
    agent = _text(_part(data, "agent").get("name"))
    if data.get("state") == "back":
        return {"words": "An agent that was silent is back", "agent": agent}
    return {"words": "An agent is not heard any more", "agent": agent, "tone": "text-attention"}


def _heartbeat(data: Data) -> dict[str, Any]:
    return {"words": f"{data.get('node') or 'manager'} is alive".capitalize()}


def _audit(data: Data) -> dict[str, Any]:
    words = AUDIT.get(str(data.get("action")), _plain(data.get("action")).capitalize())
    return {"words": f"{words}, read-only" if data.get("variant") == "read_only" else words}


def _other(data: Data) -> dict[str, Any]:
    return {"words": "Something happened at the edge"}


TELLERS: dict[str, Callable[[Data], dict[str, Any]]] = {
    "alert": _alert,
    "lifecycle": _lifecycle,
    "enrollment": _enrollment,
    "heartbeat": _heartbeat,
    "agent": _agent,
    "audit": _audit,
}


def _part(data: Data, name: str) -> Data:
    part = data.get(name)
    return part if isinstance(part, Mapping) else {}


def _level(value: Any) -> int:
    return min(max(int(value), 0), 15) if isinstance(value, int | float) else 0


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _plain(value: Any) -> str:
    return str(value).replace("_", " ").replace(".", " ").lower()
