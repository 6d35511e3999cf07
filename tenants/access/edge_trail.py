"""A tenant's audit trail as its edge keeps it: a chain of records in the event stream. The tenant object knows its end.

`docs/api.md` (Events) says how a record's hash is made; `worker/src/tenant/audit.ts` writes them.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenants.access.platform import platform_token
from tenants.provisioning.edge_api import Address, EdgeApi

A_PAGE = 1000
READING = dt.timedelta(minutes=10)
"""How long the credential of one reading lasts."""

Head = Mapping[str, Any]
"""Where a trail ends, or ended when it was last looked at: `position` and `hash`."""


@dataclass(frozen=True)
class Trail:
    """The records that the event stream holds, the oldest first, and whether earlier ones have left it by their age."""

    records: list[dict[str, Any]]
    shortened: bool


@dataclass(frozen=True)
class Break:
    """Where a trail does not hold. `position` is the first record in doubt."""

    position: int
    reason: str


def read(cell: Address, tenant_id: str) -> Trail:
    """Reads every audit record that one tenant's event stream holds. Raises EdgeError."""
    edge = EdgeApi(cell)
    bearer = platform_token(cell.id, tenant_id, purpose="verify_edge_audit", life=READING)
    records: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": 0, "more": True, "oldest": 1}
    while page["more"]:
        page = edge.events(bearer=bearer, after=page["next"], limit=A_PAGE, kinds=("audit",))
        # Events from before there was a chain have no place in it.
        records += [event["data"] for event in page["events"] if "chain" in event["data"]]
    return Trail(records, page["oldest"] > 1)


def first_break(tenant_id: str, trail: Trail, *, head: Head, known: Iterable[Head]) -> Break | None:
    """
    The first place where a trail does not hold, or None.

    Args:
        head: the end that the tenant object told before the trail was read; later records may have come since.
        known: ends that the portal learned of earlier; the trail must still lead through them.
    """
    links = [record["chain"] for record in trail.records]
    first = links[0]["position"] if links else 1
    if first > 1 and not trail.shortened:
        return Break(1, "records are missing at the beginning")
    previous = links[0]["previous"] if first > 1 else ""
    for position, record in enumerate(trail.records, first):
        link = record["chain"]
        if link["position"] != position:
            return Break(position, "a record is missing")
        if link["previous"] != previous or link["hash"] != hash_of(tenant_id, record):
            return Break(position, "a record was changed")
        previous = link["hash"]
    # Of a trail that has left the stream altogether nothing can be said.
    return None if trail.shortened and not links else _break_at_ends(links, (head, *known))


def hash_of(tenant_id: str, record: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of one record in its place."""
    link = record["chain"]
    said = {name: value for name, value in record.items() if name != "chain"}
    content = [tenant_id, link["position"], link["at"], said, link["previous"]]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _break_at_ends(links: list[dict[str, Any]], ends: Iterable[Head]) -> Break | None:
    hashes = {link["position"]: link["hash"] for link in links}
    last = max(hashes, default=0)
    for end in ends:
        if hashes.get(end["position"], end["hash"]) != end["hash"]:
            return Break(end["position"], "the trail was written anew")
        if end["position"] > last:
            return Break(last + 1, "records are missing at the end, or still on their way to the stream")
    return None
