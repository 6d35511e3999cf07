"""
The narrow questions that are asked before anybody's authority is known.

Sweeps, wake-ups and the feed carry ids only. On Postgres each question is one SECURITY DEFINER function (see the
migration `row_security`); on SQLite, which has no row-level security, the same question is a query. Each answers with
the actor `org:<id>` under which all further work is done, so that a mistake can't reach another organization's rows.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, Count, F, Q, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from controlplane import rls
from tenants.provisioning.leases import new_owner
from tenants.provisioning.models import Tenant

LEASE = dt.timedelta(seconds=30)
"""Longer than any call that a claim makes; whoever makes many renews it between them."""

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Claim:
    """The sole right to act on a tenant until its lease ends. `actor` is whose rows may be touched meanwhile."""

    tenant_id: str
    owner: str
    actor: str


def due_tenants(limit: int) -> list[str]:
    """
    The ids of tenants that the reconciler has to look at, in turns of their organizations.

    First the longest waiting of each organization, then the second of each; what is being worked on counts as turns
    taken. So however many are due of one organization, another's does not wait behind them.
    """
    now = timezone.now()
    return [row["id"] for row in rls.call("due_tenants", limit, now, otherwise=lambda: _due_tenants(limit, now))]


def claim_tenant(tenant_id: str) -> Claim | None:
    """
    Claim one tenant if it is due and nobody else holds it.

    One conditional UPDATE: of workers that race for the same tenant exactly one gets the claim. It counts an attempt,
    which a recorded success takes back: so those count too after which a worker was not there to record anything.
    """
    owner, now = new_owner(), timezone.now()
    terms = (tenant_id, owner, now, now + LEASE)
    rows = rls.call("claim_tenant", *terms, otherwise=lambda: _claim_tenant(*terms))
    return Claim(tenant_id, owner, rows[0]["actor"]) if rows else None


def renew(claim: Claim) -> bool:
    """Hold a tenant for another lease; False if it went to somebody else meanwhile."""
    with rls.acting_as(claim.actor):
        mine = Tenant.objects.filter(pk=claim.tenant_id, lease_owner=claim.owner)
        return bool(mine.update(lease_until=timezone.now() + LEASE))


def actor_of_change(cell_id: str, tenant_id: str) -> str | None:
    """
    Whose rows a change in a cell's feed may touch.

    None for a tenant that is not in this cell: one cell's edge has no say about another cell's tenants.
    """
    terms = (cell_id, tenant_id)
    rows = rls.call("actor_of_change", *terms, otherwise=lambda: _actor_of_change(*terms))
    return rows[0]["actor"] if rows else None


def refresh_cell(cell_id: str) -> None:
    """
    Have everything that is mirrored of a cell's tenants read anew.

    How far each has come in the feed is forgotten: the numbers that follow may be lower than those before.
    """
    terms = (cell_id, timezone.now())
    rls.call("refresh_cell", *terms, otherwise=lambda: _refresh_cell(*terms))


def look_at_settled(before: dt.datetime, limit: int) -> int:
    """
    Have tenants looked at that have come to rest and of which the edge told nothing since a moment; returns how many.

    What the edge lost, or changed without telling, would else stay as it is until somebody asks for something.
    """
    terms = (timezone.now(), before, limit)
    return len(rls.call("look_at_settled", *terms, otherwise=lambda: _look_at_settled(*terms)))


def hurry_cell(cell_id: str) -> None:
    """Have every tenant of a cell that waits for something looked at now, as after an outage of its edge."""
    terms = (cell_id, timezone.now())
    rls.call("hurry_cell", *terms, otherwise=lambda: _hurry_cell(*terms))


def _due_tenants(limit: int, now: dt.datetime) -> Rows:
    due = Tenant.objects.filter(_unclaimed(now), next_attempt_at__lte=now, deleted_at__isnull=True)
    held = Tenant.objects.filter(lease_until__gte=now).order_by().values_list("organization").annotate(Count("pk"))
    taken = Case(*(When(organization=owner, then=Value(number)) for owner, number in held), default=Value(0))
    place = Window(RowNumber(), partition_by=F("organization"), order_by=["next_attempt_at", "id"])
    turns = due.annotate(turn=taken + place).order_by("turn", "next_attempt_at")
    return [{"id": tenant_id} for tenant_id in turns.values_list("id", flat=True)[:limit]]


def _claim_tenant(tenant_id: str, owner: str, now: dt.datetime, until: dt.datetime) -> Rows:
    free = Tenant.objects.filter(_unclaimed(now), pk=tenant_id, next_attempt_at__lte=now, deleted_at__isnull=True)
    if not free.update(lease_owner=owner, lease_until=until, attempts=F("attempts") + 1):
        return []
    return _actors(Tenant.objects.filter(pk=tenant_id).values_list("organization_id", flat=True))


def _actor_of_change(cell_id: str, tenant_id: str) -> Rows:
    return _actors(Tenant.objects.filter(pk=tenant_id, cell_id=cell_id).values_list("organization_id", flat=True))


def _refresh_cell(cell_id: str, now: dt.datetime) -> Rows:
    live = Tenant.objects.filter(cell_id=cell_id, generation__gt=0, deleted_at__isnull=True)
    live.update(refresh_due=True, next_attempt_at=now, feed_epoch="", feed_seq=0)
    return []


def _look_at_settled(now: dt.datetime, before: dt.datetime, limit: int) -> Rows:
    settled = Tenant.objects.filter(next_attempt_at=None, halted_at=None, deleted_at=None, generation__gt=0)
    silent = settled.filter(Q(told_at=None) | Q(told_at__lt=before)).order_by(F("told_at").asc(nulls_first=True))
    found = list(silent.values_list("id", flat=True)[:limit])
    Tenant.objects.filter(pk__in=found).update(refresh_due=True, next_attempt_at=now)
    return [{"looked": tenant_id} for tenant_id in found]


def _hurry_cell(cell_id: str, now: dt.datetime) -> Rows:
    Tenant.objects.filter(cell_id=cell_id, next_attempt_at__gt=now).update(next_attempt_at=now)
    return []


def _unclaimed(now: dt.datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def _actors(organization_ids: Iterable[str]) -> Rows:
    return [{"actor": f"org:{organization_id}"} for organization_id in organization_ids]
