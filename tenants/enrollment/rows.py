"""Tokens, agents and refusals ready to be read: plain values and marks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from controlplane.marks import UNKNOWN, Mark
from tenants.enrollment.marks import AGENT, REFUSALS, TOKEN
from tenants.enrollment.models import Agent, EnrollmentToken, Refusal


@dataclass(frozen=True)
class EdgeNote:
    """That the edge has not confirmed what is shown: few words for a list, more for a page; whether that may pass."""

    mark: Mark
    words: str
    more: str
    passes: bool = True


UNCONFIRMED = {
    "new": EdgeNote(
        Mark("working", "clock", "Pending"),
        "pending at the edge",
        "The edge has not confirmed this token yet. It lets machines in as soon as that has happened; we keep trying.",
    ),
    "revoked": EdgeNote(
        Mark("attention", "clock", "Pending"),
        "revocation pending at the edge",
        "The edge has not confirmed the revocation yet, so this token may still let machines in. We keep trying until"
        " it has.",
    ),
}


def edge_note(token: EnrollmentToken) -> EdgeNote | None:
    """What is yet to be confirmed, or was refused for good; None where the edge has what is shown."""
    if token.edge_error is not None:
        more = f"The edge did not take this token: {token.edge_error['message']} No machine can join with it."
        return EdgeNote(Mark("failed", "circle-x", "Refused"), "refused by the edge", more, passes=False)
    return UNCONFIRMED["revoked" if token.revoked_at else "new"] if token.pending else None


def token_row(token: EnrollmentToken, names: Mapping[str, str]) -> dict[str, Any]:
    """One token; its secret is not known to anybody."""
    return {
        "id": token.pk,
        "name": token.name,
        "mark": TOKEN[token.state],
        "usable": token.state == "active" and token.edge_error is None,
        "edge_note": edge_note(token),
        "left": token.remaining,
        "max_uses": token.max_uses,
        "expires_at": token.expires_at,
        "created_at": token.created_at,
        "groups": token.groups,
        "labels": token.labels,
        "last_used_at": token.last_used_at,
        "last_agent": token.last_used_by,
        "last_address": token.last_used_from,
        "created_by": names.get(token.created_by, "–"),
    }


def agent_row(agent: Agent) -> dict[str, Any]:
    """One agent. Its last known state counts until its quarantine is confirmed."""
    cut_off = agent.quarantined_at is not None
    return {
        "number": agent.number,
        "name": agent.name,
        "mark": AGENT["quarantined"] if cut_off else AGENT.get(agent.status, UNKNOWN),
        "quarantined": cut_off or agent.pending,
        "pending": agent.pending,
        "last_seen_at": agent.last_seen_at,
        "enrolled_at": agent.enrolled_at,
        "version": agent.version,
        "address": agent.address,
        "groups": agent.groups,
        "token_name": agent.token.name if agent.token else "",
        "token_url": reverse("tenants:token", args=[agent.tenant_id, agent.token_id]) if agent.token_id else "",
    }


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """Enrollments that were refused alike."""
    why = REFUSALS.get(refusal.reason, refusal.reason.replace("_", " "))
    times = f", {refusal.count} times" if refusal.count > 1 else ""
    return {"name": refusal.agent_name, "why": f"{why}{times}", "address": refusal.address, "at": refusal.last_at}


def agents_summed_up(agents: Iterable[Agent]) -> tuple[dict[str, int], Mark]:
    """How many agents are in which state, and that in one mark."""
    counts = {"total": 0, "active": 0, "silent": 0, "never": 0, "quarantined": 0}
    for agent in agents:
        counts["total"] += 1
        counts[state_of(agent)] += 1
    if counts["silent"]:
        return counts, AGENT["disconnected"].saying(word=f"{counts['silent']} silent")
    return counts, AGENT["active"].saying(word=f"{counts['active']} of {counts['total']} connected")


def state_of(agent: Agent) -> str:
    """The filter under which an agent is found."""
    if agent.quarantined_at is not None:
        return "quarantined"
    return {"active": "active", "disconnected": "silent"}.get(agent.status, "never")
