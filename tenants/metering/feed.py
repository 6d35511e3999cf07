"""
Reads a cell's usage feed: nothing skipped, nothing counted twice.

1. A page after the cursor. Where it can't be read as a whole, the cursor stays.
2. The rows of one tenant are added in one transaction, together with the number of the last: a tenant object numbers
   what it tells for ever, so that a page that comes twice, or a feed that is read anew, adds nothing again.
3. The cursor moves by compare-and-set. Of two readers the slower one stops; what it added meanwhile was added once.
4. Another `feed_epoch`, or a feed that ends before the cursor, is another feed: it is read from its beginning.
"""

from collections.abc import Iterable
from decimal import Decimal

import structlog
from django.db.models import F, Value
from django.db.models.functions import Greatest

from controlplane.rls import acting_as
from tenants.metering.models import UsageHour
from tenants.metering.reading import Page, Used, by_tenant, read_page
from tenants.provisioning import mirror
from tenants.provisioning.claims import actor_of_change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.models import Cell, Tenant

log = structlog.get_logger(__name__)

PAGE = 500


def read_all(cell_id: str) -> int:
    """Read all there is of one cell; how many rows it brought. Raises EdgeError where the edge does not answer."""
    brought = 0
    while True:
        cell = Cell.objects.get(pk=cell_id)
        page = read_page(EdgeApi(cell).usage(after=cell.usage_seq, limit=PAGE))
        if is_another_feed(cell, page):
            if not move(cell, page.feed_epoch, 0):
                return brought
            continue
        if not page.rows:
            return brought
        if page.oldest > cell.usage_seq + 1:
            log.error("usage_lost", cell=cell_id, after=cell.usage_seq, oldest=page.oldest)
        take(cell, page.rows)
        brought += len(page.rows)
        if not move(cell, page.feed_epoch, page.rows[-1].seq):
            return brought


def is_another_feed(cell: Cell, page: Page) -> bool:
    """Whether the cursor says nothing about the feed that answered."""
    return page.feed_epoch != cell.usage_epoch or page.latest < cell.usage_seq


def move(cell: Cell, feed_epoch: str, seq: int) -> bool:
    """Move the cursor; False if another reader moved it meanwhile."""
    unmoved = Cell.objects.filter(pk=cell.pk, usage_epoch=cell.usage_epoch, usage_seq=cell.usage_seq)
    return bool(unmoved.update(usage_epoch=feed_epoch, usage_seq=seq))


def take(cell: Cell, rows: Iterable[Used]) -> None:
    """Add rows to what their tenants used; those that were added before change nothing."""
    for tenant_id, of_tenant in by_tenant(rows).items():
        actor = actor_of_change(cell.pk, tenant_id)
        if actor is None:
            log.warning("usage_of_unknown_tenant", tenant=tenant_id)
            continue
        with acting_as(actor):
            _take(mirror.locked(tenant_id), of_tenant)


def _take(tenant: Tenant, rows: Iterable[Used]) -> None:
    for row in rows:
        if row.object_seq > tenant.usage_seq:
            _add(tenant, row)
            tenant.usage_seq = row.object_seq
    tenant.save(update_fields=["usage_seq"])


def _add(tenant: Tenant, row: Used) -> None:
    key = {"tenant": tenant, "hour": row.hour, "kind": row.kind, "role": row.role, "size": row.size}
    first = {"organization_id": tenant.organization_id, "quantity": Decimal(0)}
    UsageHour.objects.get_or_create(**key, defaults=first)
    more = Value(row.quantity, output_field=UsageHour._meta.get_field("quantity"))
    peak = row.kind in UsageHour.PEAKS
    UsageHour.objects.filter(**key).update(quantity=Greatest(F("quantity"), more) if peak else F("quantity") + more)
