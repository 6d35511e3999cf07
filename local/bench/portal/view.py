"""What a running tenant is asked to be and what its edge tells of it, in the form and size of real ones."""

import datetime as dt
from typing import Any

SPEC: dict[str, Any] = {
    "version": "4.14.7",
    "roles": {
        "manager": {"count": 1, "instance": "standard-1"},
        "indexer": {"count": 1, "instance": "standard-2"},
        "dashboard": {"count": 1, "instance": "standard-1"},
    },
    **{"certificate_days": 365, "retention_days": 10, "archive_days": 30, "max_agents": 50},
}
ROLES = ("manager", "indexer", "dashboard")


def view_of(tenant_id: str, number: int, now: dt.datetime) -> dict[str, Any]:
    """As `contracts/edge-api.json` has a tenant."""
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    until = (now + dt.timedelta(days=30 + number % 300)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **{
            "id": tenant_id,
            "epoch": 1,
            "generation": 1,
            "requested": "running",
            "observed": "running",
            "observed_generation": 1,
        },
        **{"reason": None, "attention": [], "runtime": "cloudflare", "version": "4.14.7", "run": None},
        "nodes": [_node(role, at) for role in ROLES],
        "certificate": {
            **{"generation": 1, "not_after": until, "renew_at": until},
            **{"fingerprint": f"{number:064x}", "ca_fingerprint": f"{number:064x}"},
        },
        "credentials": {"generation": 1, "rotated_at": at},
        "content": {"wanted": None, "applied": None, "error": None},
        **{"state_trouble": None, "next_backup_at": until, "backup_schedule": None, "sleeping": None},
        **{"detection_delayed_since": None, "portal_trail": None},
        "agents": {"enrolled": 20 + number % 30, "active": 20 + number % 25},
        "audit": {"position": number, "hash": f"{number:064x}"},
        "stream": {"seq": number * 1000, "last_event_at": at},
        "ingest": {"verified_at": at},
        "dashboard_url": f"https://{number:026}.dash.bench.example",
        **{"seq": number, "updated_at": at},
    }


def _node(role: str, at: str) -> dict[str, Any]:
    return {
        **{"role": role, "n": 0, "state": "running", "image": "4.14.7", "instance": SPEC["roles"][role]["instance"]},
        **{"started_at": at, "restarts": 0, "exit_code": None},
        "health": {"state": "ok", "detail": None, "since": at, "checked_at": at},
    }
