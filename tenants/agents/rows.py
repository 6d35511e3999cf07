"""Agents of an inventory, ready to be read."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from controlplane.csv_rows import csv_row
from controlplane.marks import UNKNOWN, Mark
from tenants.agents.models import AgentOrder, AgentResult
from tenants.agents.queries import Unread
from tenants.agents.search import STATE_WORDS, AgentSearch
from tenants.enrollment.marks import AGENT
from tenants.enrollment.models import Agent, ConnectionChange
from tenants.enrollment.rows import agent_row
from tenants.provisioning.marks import WORKING

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
        "tenant_id": agent.tenant_id,
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


RESULT = {
    "waiting": Mark("working", "clock", "Waiting"),
    "working": Mark("working", WORKING, "Under way"),
    "done": Mark("ok", "circle-check", "Done"),
    "failed": Mark("failed", "circle-x", "Failed"),
}
TITLES = {"groups": "Set groups", "upgrade": "Upgrade", "restart": "Restart", "remove": "Remove"}


def order_row(order: AgentOrder, names: Mapping[str, str]) -> dict[str, Any]:
    """One order, and what became of it for each agent."""
    results = sorted(order.results.all(), key=lambda result: (result.state != "failed", result.number))
    counts = Counter(result.state for result in results)
    return {
        "id": order.pk,
        "title": f"{TITLES[order.kind]}: {len(results)} agent{'' if len(results) == 1 else 's'}",
        "words": _order_words(order),
        "mark": _order_mark(counts),
        "pending": order.pending,
        "error": (order.edge_error or {}).get("message", ""),
        "is_open": bool(counts["waiting"] + counts["working"]),
        "waits": bool(counts["waiting"]) and not order.pending,
        "created_at": order.created_at,
        "created_by": names.get(order.created_by, "The system"),
        "results": [result_row(result) for result in results],
    }


def result_row(result: AgentResult) -> dict[str, Any]:
    """What became of an order for one agent."""
    return {
        "number": result.number,
        "name": result.name,
        "url": reverse("tenants:agent", args=[result.tenant_id, result.number]) if result.agent_id else "",
        "order_url": reverse("tenants:agent-order", args=[result.tenant_id, result.order_id]),
        "title": TITLES[result.order.kind],
        "mark": RESULT[result.state],
        "failed": result.state == AgentResult.State.FAILED,
        "note": result.note,
        "at": result.changed_at,
    }


def _order_words(order: AgentOrder) -> str:
    return words_of(order.kind, order.arguments)


def words_of(kind: str, arguments: Mapping[str, Any]) -> str:
    """What is done with agents, beyond its title."""
    groups, version = arguments.get("groups"), arguments.get("version")
    said = {
        "groups": f"To {', '.join(groups)}" if groups else "To “default” alone",
        "upgrade": f"To {version or 'the manager’s own version'}",
        "restart": "By their managers",
        "remove": "Out of their tenant",
    }
    return said[kind]


def _order_mark(counts: Mapping[str, int]) -> Mark:
    """The gravest of what became of it, with how many."""
    for state in ("working", "waiting", "failed"):
        if counts.get(state):
            return RESULT[state].saying(word=f"{counts[state]} {RESULT[state].word.lower()}")
    return RESULT["done"]
