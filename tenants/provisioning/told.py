"""
What the edge told of a tenant, as columns beside the view itself: lists of thousands sort and narrow by them.

They are written wherever the view is, in the same statement, and are worth nothing without it. What people see of a
tenant is no column: `statuses.status` computes it of these at each look, as `lifecycle.status_of` does of one tenant.
"""

from collections.abc import Mapping
from typing import Any

from tenants.provisioning.sighting import read_time

COLUMNS = (
    *("told_generation", "told_requested", "told_run", "told_sleeping", "told_attention"),
    *("certificate_ends_at", "last_event_at", "agents_enrolled", "agents_active"),
)


def columns_of(view: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of a view that `Sighting.read` took; without one, those of a tenant of which nothing was told."""
    view = view or {}
    run, agents = view.get("run") or {}, view.get("agents") or {}
    key_is_missing = (view.get("reason") or {}).get("code") == "KEY_MISSING"
    return {
        "told_generation": view.get("generation"),
        "told_requested": str(view.get("requested") or "")[:16],
        "told_run": str(run["kind"])[:64] if run.get("state") == "running" else "",
        "told_sleeping": bool(view.get("sleeping")),
        "told_attention": bool(view.get("attention")) or key_is_missing,
        "certificate_ends_at": read_time((view.get("certificate") or {}).get("not_after")),
        "last_event_at": read_time((view.get("stream") or {}).get("last_event_at")),
        "agents_enrolled": agents.get("enrolled") or 0,
        "agents_active": agents.get("active") or 0,
    }
