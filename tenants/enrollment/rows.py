"""Agents and refusals ready to be read: plain values and marks."""

from typing import Any

from django.urls import reverse

from controlplane.marks import UNKNOWN
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
        "silent_at": agent.silent_at,
        "enrolled_at": agent.enrolled_at,
        "version": agent.version,
        "address": agent.address,
        "groups": agent.groups,
        "url": reverse("tenants:agent", args=[agent.tenant_id, agent.number]),
        "token_name": agent.token.name if agent.token else "",
        "token_url": reverse("tenants:token", args=[agent.tenant_id, agent.token_id]) if agent.token_id else "",
    }


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """Enrollments that were refused alike."""
    why = REFUSALS.get(refusal.reason, refusal.reason.replace("_", " "))
    times = f", {refusal.count} times" if refusal.count > 1 else ""
    return {"name": refusal.agent_name, "why": f"{why}{times}", "address": refusal.address, "at": refusal.last_at}
