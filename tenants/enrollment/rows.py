"""Agents and refusals ready to be read: plain values and marks."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from controlplane.marks import UNKNOWN, Mark
from tenants.enrollment.marks import AGENT, REFUSALS
from tenants.enrollment.models import Agent, Refusal


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
