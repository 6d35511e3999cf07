"""Agents of an inventory, ready to be read."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from controlplane.csv_rows import csv_row
from controlplane.marks import UNKNOWN, Mark
from tenants.agents.queries import Unread
from tenants.agents.search import STATE_WORDS, AgentSearch
from tenants.enrollment.marks import AGENT
from tenants.enrollment.models import Agent, ConnectionChange
from tenants.enrollment.rows import agent_row

ALWAYS_OFFERED = ("active", "silent")

COLUMNS = (
    *("organization", "tenant", "tenant_id", "agent", "name", "state", "last_seen_at", "version", "address"),
    *("groups", "token", "token_id", "enrolled_at", "as_of"),
)


def inventory_row(agent: Agent) -> dict[str, Any]:
    """One agent with where it belongs, and how old what is known of it is."""
    reading = getattr(agent.tenant, "agent_reading", None)
    return {
        **agent_row(agent),
        "organization": agent.organization.name,
        "tenant": agent.tenant.name,
        "tenant_url": reverse("tenants:agents", args=[agent.tenant_id]),
        "as_of": reading.read_at if reading else None,
        "partial": reading is None or reading.partial,
    }


def csv_line(agent: Agent) -> str:
    """One agent as a line under `COLUMNS`."""
    reading = getattr(agent.tenant, "agent_reading", None)
    token = agent.token.name if agent.token else ""
    moments = (agent.last_seen_at, agent.enrolled_at, reading.read_at if reading else None)
    seen, enrolled, as_of = (moment.isoformat() if moment else "" for moment in moments)
    return csv_row(
        [
            *(agent.organization.name, agent.tenant.name, agent.tenant_id, agent.number, agent.name, agent.state),
            *(seen, agent.version, agent.address, " ".join(agent.groups), token, agent.token_id or "", enrolled, as_of),
        ]
    )


def history_row(change: ConnectionChange) -> dict[str, Any]:
    """One coming or going."""
    return {
        "mark": AGENT.get(change.status, UNKNOWN),
        "at": change.created_at,
        "last_seen_at": change.last_seen_at,
    }


def summed_up(counts: Mapping[str, int]) -> Mark:
    """All agents in one mark."""
    if counts["silent"]:
        return AGENT["disconnected"].saying(word=f"{counts['silent']} silent")
    return AGENT["active"].saying(word=f"{counts['active']} of {counts['total']} connected")


def chips(counts: Mapping[str, int], form: AgentSearch) -> list[dict[str, Any]]:
    """States to choose from, each with how many agents of the search are in it."""
    wanted, rest = form.given.get("state", ""), form.address(without="state")
    offered = [("", "All", counts["total"])]
    offered += [(key, words, counts[key]) for key, words in STATE_WORDS.items() if key in ALWAYS_OFFERED or counts[key]]
    return [
        {"label": words, "url": f"?{_joined(key, rest)}", "count": count, "current": key == wanted}
        for key, words, count in offered
    ]


def _joined(state: str, rest: str) -> str:
    query = QueryDict(rest, mutable=True)
    if state:
        query["state"] = state
    return query.urlencode()


def unread_words(unread: list[Unread]) -> str:
    """Which tenants an inventory is partial by, in a few words; empty where it is whole."""
    if not unread:
        return ""
    named = ", ".join(each.tenant.name for each in unread[:5])
    more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
    return f"{named}{more}"
