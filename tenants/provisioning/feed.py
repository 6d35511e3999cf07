"""
Consumes a cell's feed of changes: one consumer a cell, one cursor, nothing skipped.

1. `claim_feed` gives one process the sole right to read, by conditional UPDATE with a lease that each poll renews.
2. A long poll brings changes as soon as there are any. A new `feed_epoch`, or a feed whose oldest change is beyond the
   cursor, means that something was missed: then everything is read anew (`resync`).
3. The changes of one tenant are applied in one transaction, under that tenant's organization only, together with how
   far the tenant has come: a batch that is applied twice, after a crash, changes nothing the second time.
4. A change that can't be applied delays nobody and undoes no other: its tenant is marked to be read anew as a whole.
5. The cursor moves when the batch is done, and only while the lease is still held.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from controlplane.rls import acting_as
from tenants.provisioning import mirror, wakeups
from tenants.provisioning.changes import Change, by_tenant, read_changes, read_page
from tenants.provisioning.claims import actor_of_change, hurry_cell, refresh_cell
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.leases import is_dead, new_owner
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.sighting import Malformed, Sighting

log = structlog.get_logger(__name__)

LEASE = dt.timedelta(seconds=25)
"""Longer than one poll with its batch; what a killed consumer delays its cell by, at most."""

WAIT_SECONDS = 10
BATCH = 500
RENEW_EVERY = 50
"""Tenants of one batch after whom the lease is renewed, so that no batch is too long ever to be finished."""

SHIFT_SECONDS = 60
"""How long one consumer reads before it makes room for the next, so that no task runs for ever."""

PAUSE_SECONDS = 1.0


Handler = Callable[[Tenant, Change], None]
_HANDLERS: dict[str, list[Handler]] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register a function for one kind of change. It gets the tenant's locked row and the change, in a transaction."""

    def register(handler: Handler) -> Handler:
        _HANDLERS.setdefault(kind, []).append(handler)
        return handler

    return register


@handles("tenant")
def record_view(tenant: Tenant, change: Change) -> None:
    """A tenant object changed: take over its view."""
    mirror.record(tenant, Sighting.read(change.data))


def consume(cell_id: str, *, seconds: float = SHIFT_SECONDS) -> bool:
    """
    Read and apply changes of one cell for a while; False if another consumer is at it.

    While the edge does not answer, pause and ask again: the shift ends by time alone, or by a fault of ours. Either way
    the right to read is given back.
    """
    owner = claim_feed(cell_id)
    if owner is None:
        return False
    end, away = time.monotonic() + seconds, False
    with structlog.contextvars.bound_contextvars(cell=cell_id):
        try:
            while time.monotonic() < end and renew(cell_id, owner):
                away = not _read_through(cell_id, owner, away)
        finally:
            release(cell_id, owner)
    return True


def _read_through(cell_id: str, owner: str, was_away: bool) -> bool:
    """One poll; False while the edge is away. When it is back, whoever waits for it is looked at without delay."""
    try:
        read_once(cell_id, owner, wait=0 if was_away else WAIT_SECONDS)
    except EdgeError as error:
        log.warning("feed_not_read", code=error.code, error=error.message)
        time.sleep(PAUSE_SECONDS)
        return False
    if was_away:
        hurry_cell(cell_id)
    return True


def read_once(cell_id: str, owner: str, *, wait: int = 0) -> int:
    """One poll and all it brings; how many changes it brought."""
    cell = Cell.objects.get(pk=cell_id)
    answer = EdgeApi(cell).changes(after=cell.feed_seq, wait=wait, limit=BATCH)
    feed_epoch, oldest, latest, told = read_changes(answer)
    changes = [change for change in told if change.seq > cell.feed_seq]
    if feed_epoch != cell.feed_epoch or oldest > cell.feed_seq + 1 or latest < cell.feed_seq:
        tell = log.warning if cell.feed_epoch else log.info
        tell("feed_resync", ours=[cell.feed_epoch, cell.feed_seq], theirs=[feed_epoch, oldest, latest])
        resync(cell, owner)
        return 0
    for number, (tenant_id, of_tenant) in enumerate(by_tenant(changes).items(), start=1):
        apply(cell, tenant_id, of_tenant)
        if number % RENEW_EVERY == 0 and not renew(cell_id, owner):
            return 0
    if changes:
        advance(cell_id, owner, feed_epoch, changes[-1].seq)
    return len(changes)


def apply(cell: Cell, tenant_id: str, changes: list[Change]) -> None:
    """
    Apply one tenant's changes, in their order, once each.

    A fault in one of them (malformed data, or a fault of ours that it brings to light) is logged and undoes that one
    alone; the tenant is marked to be read anew as a whole, which makes up for the state that the change would have
    told. A database that does not answer is no fault of a change: it stops the consumer before its cursor.
    """
    actor = actor_of_change(cell.pk, tenant_id)
    if actor is None:
        log.warning("change_of_unknown_tenant", tenant=tenant_id)
        return
    try:
        with acting_as(actor):
            _apply_in_order(cell, tenant_id, changes)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # What only the commit brings to light, such as a row that another one needs.
        log.exception("changes_not_applied", tenant=tenant_id, seqs=[change.seq for change in changes])
        with acting_as(actor):
            _mark(_read_anew(tenant_id), cell.feed_epoch, changes[-1].seq)


def resync(cell: Cell, owner: str) -> None:
    """
    Read every tenant of a cell anew, then go on after what the feed held when that began.

    The cursor moves last: a resync that is cut off begins again.
    """
    refresh_cell(cell.pk)
    feed_epoch, latest, after = "", 0, None
    while True:
        views, following, position = read_page(EdgeApi(cell).list_tenants(after=after))
        if after is None:
            feed_epoch, latest = position
        for view in views:
            _take_over(cell, view, feed_epoch, latest)
        after = following
        if not renew(cell.pk, owner):
            return
        if after is None:
            break
    advance(cell.pk, owner, feed_epoch, latest)


def claim_feed(cell_id: str) -> str | None:
    """
    The sole right to read one cell's changes; None while somebody else has it.

    A holder that was killed on this machine is succeeded at once, without waiting for its lease to end.
    """
    owner, now = new_owner(), timezone.now()
    cell = Cell.objects.get(pk=cell_id)
    if not is_unread(cell, now):
        return None
    same_holder = Cell.objects.filter(pk=cell_id, feed_owner=cell.feed_owner, feed_lease_until=cell.feed_lease_until)
    return owner if same_holder.update(feed_owner=owner, feed_lease_until=now + LEASE) else None


def is_unread(cell: Cell, now: dt.datetime) -> bool:
    """Whether nobody reads this cell's changes at this moment."""
    return cell.feed_lease_until is None or cell.feed_lease_until < now or is_dead(cell.feed_owner)


def renew(cell_id: str, owner: str) -> bool:
    """Keep the right for another while; False if it went to somebody else."""
    until = timezone.now() + LEASE
    return bool(Cell.objects.filter(pk=cell_id, feed_owner=owner).update(feed_lease_until=until))


def release(cell_id: str, owner: str) -> None:
    """Give the right back, so that the next consumer begins without waiting for the lease to end."""
    Cell.objects.filter(pk=cell_id, feed_owner=owner).update(feed_owner="", feed_lease_until=None)


def advance(cell_id: str, owner: str, feed_epoch: str, seq: int) -> bool:
    """Move the cursor, if the right to do so is still held."""
    mine = Cell.objects.filter(pk=cell_id, feed_owner=owner)
    return bool(mine.update(feed_epoch=feed_epoch, feed_seq=seq))


def _apply_in_order(cell: Cell, tenant_id: str, changes: list[Change]) -> None:
    tenant = mirror.locked(tenant_id)
    known = tenant.feed_seq if tenant.feed_epoch == cell.feed_epoch else 0
    for change in changes:
        if change.seq > known:
            tenant = _apply(tenant, change)
    _mark(tenant, cell.feed_epoch, max(known, changes[-1].seq))


def _apply(tenant: Tenant, change: Change) -> Tenant:
    """Apply one change; the tenant as it is then."""
    try:
        with transaction.atomic():
            for handler in _HANDLERS.get(change.kind, ()):
                handler(tenant, change)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("change_not_applied", tenant=tenant.pk, seq=change.seq)
        return _read_anew(tenant.pk)
    return tenant


def _read_anew(tenant_id: str) -> Tenant:
    """Have a tenant read anew as a whole; its row as it is then, without what a failed change left in memory."""
    tenant = mirror.locked(tenant_id)
    tenant.refresh_due = True
    tenant.save(update_fields=["refresh_due"])
    if tenant.deleted_at is None:
        wakeups.look_at(tenant)
    return tenant


def _take_over(cell: Cell, view: Mapping[str, Any], feed_epoch: str, seq: int) -> None:
    try:
        seen = Sighting.read(view)
    except Malformed as error:
        log.error("view_not_readable", tenant=view.get("id"), error=str(error))
        return
    actor = actor_of_change(cell.pk, seen.tenant_id)
    if actor is None:
        log.warning("tenant_known_only_at_the_edge", tenant=seen.tenant_id)
        return
    with acting_as(actor):
        tenant = mirror.locked(seen.tenant_id)
        mirror.record(tenant, seen)
        _mark(tenant, feed_epoch, seq)


def _mark(tenant: Tenant, feed_epoch: str, seq: int) -> None:
    tenant.feed_epoch, tenant.feed_seq = feed_epoch, seq
    tenant.save(update_fields=["feed_epoch", "feed_seq"])
