"""Moves ready to be read: plain values and marks."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from controlplane.marks import Mark
from tenants.agents.models import AgentMove, MovingAgent

STATES = {
    "waiting": Mark("working", "clock", "Waiting"),
    "arrived": Mark("ok", "circle-check", "Arrived"),
    "moved": Mark("ok", "circle-check", "Moved"),
    "stayed": Mark("off", "circle-pause", "Stayed"),
}


def move_row(move: AgentMove, names: Mapping[str, str]) -> dict[str, Any]:
    """One move, and how far each agent is."""
    items = list(move.agents.all())
    counts = Counter(item.state for item in items)
    return {
        "id": move.pk,
        "title": f"{len(items)} agent{'' if len(items) == 1 else 's'} to {move.target_name}",
        "target_url": reverse("tenants:agents", args=[move.target_tenant_id]),
        "target_name": move.target_name,
        "mark": _mark(counts),
        "is_open": move.closed_at is None,
        "can_end": move.closed_at is None and move.cancelled_at is None,
        "cancelled_at": move.cancelled_at,
        "expires_at": move.expires_at,
        "grace_hours": move.grace_hours,
        "created_at": move.created_at,
        "created_by": names.get(move.created_by, "–"),
        "agents": [_item_row(move, item) for item in items],
    }


def _item_row(move: AgentMove, item: MovingAgent) -> dict[str, Any]:
    order_url = reverse("tenants:agent-order", args=[move.tenant_id, item.order_id]) if item.order_id else ""
    return {
        "number": item.number,
        "name": item.name,
        "mark": STATES[item.state],
        "target_number": item.target_number,
        "arrived_at": item.arrived_at,
        "moved_at": item.moved_at,
        "order_url": order_url,
    }


def _mark(counts: Mapping[str, int]) -> Mark:
    for state in ("waiting", "arrived", "stayed"):
        if counts.get(state):
            return STATES[state].saying(word=f"{counts[state]} {STATES[state].word.lower()}")
    return STATES["moved"]
