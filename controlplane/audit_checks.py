"""
Checking the chains by the clock, a piece at a time, and remembering how far they held.

What was seen once has to be there later: a chain that ends before that was cut off, even where its kept end was set
back with it. Once a day a chain is walked from its beginning, in between from where the last walk ended.
"""

import datetime as dt
import itertools
from typing import Any

import structlog
from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.audit_chain import (
    MOST,
    Break,
    Ends,
    Progress,
    ends_of,
    entries_between,
    link_of,
    walk,
)
from controlplane.models import AuditCheck, AuditEntry, AuditHead

log = structlog.get_logger(__name__)

A_PIECE = 20_000
"""Entries that one task walks over: some seconds."""
WHOLE_EVERY = dt.timedelta(days=1)


def chains() -> list[str]:
    """Every chain that has an end or an entry: one that lost its end is in doubt, not gone."""
    rows = rls.call("audit_chains", otherwise=_chains_on_sqlite)
    return sorted(row["organization_id"] for row in rows)


def check(organization_id: str) -> bool:
    """Walks one more piece of a chain. Returns whether there is more to walk now."""
    with rls.acting_as(rls.actor_of(organization_id)):
        row = AuditCheck.objects.filter(pk=organization_id).first() or AuditCheck(pk=organization_id)
        if row.is_over and (row.breaks or timezone.now() - row.began_at >= WHOLE_EVERY):
            row.begin()
        known = list(row.breaks)
        _walk_on(row)
        row.save()
    for found in row.breaks if row.is_over else ():
        if found not in known:
            _raise_alarm(found)
    return not row.is_over


def _walk_on(row: AuditCheck) -> None:
    chain, progress = row.organization_id, Progress((row.position, row.mac))
    ends = ends_of(chain)
    links = map(link_of, entries_between(chain, row.position, ends.walked)[:A_PIECE])
    found = list(itertools.islice(walk(chain, links, progress), MOST))
    row.position, row.mac = progress.end
    row.is_over = progress.entries < A_PIECE or len(found) == MOST
    if row.is_over and len(found) < MOST:
        found += _at_end(row, ends)
    row.found += [each.as_json() for each in found]
    if row.is_over:
        row.end(timezone.now())


def _at_end(row: AuditCheck, ends: Ends) -> list[Break]:
    if ends.last < row.seen:
        words = f"entries are missing at the end: the chain was seen to reach {row.seen}"
        return [Break(row.organization_id, ends.last + 1, "truncated", words, row.seen)]
    at_end = ends.break_at(row.organization_id, (row.position, row.mac))
    return [at_end] if at_end else []


def _raise_alarm(found: dict[str, Any]) -> None:
    """For operators: a line to alert on, and an entry in the platform's own chain, which no organization can write."""
    log.error("audit_chain_broken", **found)
    with rls.acting_as(rls.PLATFORM):
        audit.record(
            by=Actor.system("chains are checked by the clock"),
            action="controlplane.trail.break",
            organization_id=None,
            target=found["organization_id"],
            data=found,
        )


def _chains_on_sqlite() -> list[dict[str, str]]:
    heads = AuditHead.objects.values_list("organization_id", flat=True)
    entries = AuditEntry.objects.values_list("organization_id", flat=True).distinct()
    return [{"organization_id": chain} for chain in {*heads, *entries}]
