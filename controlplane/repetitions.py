"""
Refusals that somebody can cause again and again, kept without letting them fill the audit trail.

The first of a kind gets its entry at once. Those that follow within the window are counted, and become one entry with
their number when the window has ended. What is of one kind: chain, action, target and code.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from controlplane import audit, outbox, rls
from controlplane.actor import Actor
from controlplane.ids import new_id
from controlplane.models import RefusalCount

WINDOW = timedelta(minutes=15)
SETTLED_AT_ONCE = 500


def note(
    *,
    by: Actor,
    action: str,
    organization_id: str | None,
    target: str,
    data: Mapping[str, Any],
    topic: str = "",
) -> None:
    """
    Note an action that was refused, in the trail of `organization_id` (None: the platform's).

    Args: data: with the `code` of the refusal; topic: a fact that is published with each entry, for whoever else has to
    learn of it.
    """
    chain = organization_id or rls.PLATFORM
    kind = RefusalCount(
        key=_key(chain, action, target, data.get("code", "")),
        organization_id=chain,
        action=action,
        target=target,
        data=dict(data),
        topic=topic,
    )
    audit.record_refusal(
        by=by,
        action=action,
        organization_id=organization_id,
        target=target,
        data=data,
        unless=lambda: _is_repeated(by, kind),
    )


def settle(now: datetime) -> int:
    """Write the entries of windows that have ended; returns how many kinds were settled."""
    with rls.acting_as(""):
        due: list[dict[str, Any]] = rls.call(
            "controlplane_refusals_due", now, SETTLED_AT_ONCE, otherwise=lambda: _due_rows(now)
        )
    return sum(_settle(row["key"], row["organization_id"], now) for row in due)


def _is_repeated(by: Actor, kind: RefusalCount) -> bool:
    """Counts one more of its kind, as the chain's organization; False for the first of a window."""
    now = timezone.now()
    before = RefusalCount.objects.select_for_update().filter(pk=kind.pk).first()
    if before is not None and before.ends_at <= now:
        _write(before)
    kind.began_at, kind.ends_at = now, now + WINDOW
    fresh = {name: getattr(kind, name) for name in kind.CONTENT}
    _, is_first = RefusalCount.objects.get_or_create(pk=kind.pk, defaults=fresh)
    if is_first:
        _publish(kind, by, is_first=True)
    else:
        RefusalCount.objects.filter(pk=kind.pk).update(repeats=F("repeats") + 1)
    return not is_first


def _settle(key: str, chain: str, now: datetime) -> bool:
    with rls.acting_as(rls.actor_of(chain)):
        row = RefusalCount.objects.select_for_update().filter(pk=key, ends_at__lte=now).first()
        if row is not None:
            _write(row)
    return row is not None


def _write(row: RefusalCount) -> None:
    """The one entry of what was repeated; the row goes with it, in the same transaction."""
    by = Actor.system("counted", organization_id=None if row.organization_id == rls.PLATFORM else row.organization_id)
    if row.repeats:
        audit.record(
            by=by,
            action=row.action,
            organization_id=by.organization_id,
            target=row.target,
            data={**row.data, "times": row.repeats, "since": row.began_at.isoformat()},
            refused=True,
        )
        _publish(row, by, is_first=False)
    row.delete()


def _publish(row: RefusalCount, by: Actor, *, is_first: bool) -> None:
    if row.topic:
        told = {"action": row.action, "target": row.target, "data": row.data, "first": is_first, "times": row.repeats}
        known = {"since": row.began_at.isoformat(), "address": by.address, "request": by.request_id}
        chain = None if row.organization_id == rls.PLATFORM else row.organization_id
        outbox.publish(row.topic, key=new_id("fact"), organization_id=chain, payload={**told, **known})


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _due_rows(now: datetime) -> list[dict[str, Any]]:
    rows = RefusalCount.objects.filter(ends_at__lte=now).order_by("ends_at")
    return [dict(row) for row in rows.values("key", "organization_id")[:SETTLED_AT_ONCE]]
