"""Event logs of the edge in memory: read page by page and narrowed, as the contract says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt


class EdgeEvents:
    """`logs` holds a tenant's events by number, without a gap; the credential names the tenant."""

    requests: list[httpx.Request]

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, list[dict[str, Any]]] = {}

    def log(self, tenant_id: str, kind: str, data: dict[str, Any], *, ago: float = 60) -> int:
        """Add an event of so many seconds ago; its number."""
        log = self.logs.setdefault(tenant_id, [])
        at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log.append({"seq": len(log) + 1, "at": at, "kind": kind, "data": data})
        return len(log)

    def alert(
        self,
        tenant_id: str,
        *,
        rule: str = "5763",
        level: int = 10,
        agent: str = "001",
        title: str = "sshd: brute force trying to get access to the system.",
        ago: float = 60,
        times: int = 1,
    ) -> int:
        """Add an alert as a manager's digest carries it; the number of the last one."""
        mitre = {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]}
        told = {
            "rule": {"id": rule, "level": level, "description": title, "groups": ["sshd"], "mitre": mitre},
            "agent": {"id": agent, "name": f"web-{agent}"},
        }
        for _ in range(times - 1):
            self.log(tenant_id, "alert", told, ago=ago)
        return self.log(tenant_id, "alert", told, ago=ago)

    def _events(self, *, body: Any, query: Any) -> httpx.Response:
        request = self.requests[-1]
        bearer = request.headers["Authorization"].split()[1]
        tenant_id = jwt.decode(bearer, options={"verify_signature": False})["tenant"]
        every, asked = self.logs.get(tenant_id, []), request.url.params
        after, limit = int(asked["after"]), int(asked["limit"])
        fitting = [event for event in every[after:] if _fits(event, asked)]
        more = len(fitting) > limit
        latest = len(every)
        ends = fitting[limit - 1]["seq"] if more else max(after, latest)
        told = {"after": after, "events": fitting[:limit], "next": ends, "more": more, "oldest": 1, "latest": latest}
        return httpx.Response(200, json=told)


def _fits(event: dict[str, Any], asked: httpx.QueryParams) -> bool:
    if asked.get_list("kind") and event["kind"] not in asked.get_list("kind"):
        return False
    if event["at"] < asked.get("from", ""):
        return False
    level = event["data"].get("rule", {}).get("level", 0) if event["kind"] == "alert" else 99
    return level >= int(asked.get("min_level", 0))
