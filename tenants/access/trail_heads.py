"""
The portal and each tenant's object tell each other where their audit trails end.

The object writes the portal's end into its own trail, the portal writes the object's into its own. Whoever cuts one of
them off, or writes it anew, is found by comparing with the other, which lies in another system.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.db.models import QuerySet
from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.audit_witness import Unheard, Witness, break_of, witnessed_by
from controlplane.models import AuditEntry, AuditHead
from tenants.access.models import TrailExchange
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError, TenantGone, UnknownAtEdge
from tenants.provisioning.models import Tenant

log = structlog.get_logger(__name__)

EXCHANGE, DIFFER = "tenants.trail.exchange", "tenants.trail.differ"
FORKED = "TRAIL_FORKED"

Json = Mapping[str, Any]


def due() -> list[str]:
    """Organizations of which an end has moved since it was told."""
    rows = rls.call("trail_exchanges_due", otherwise=_due_on_sqlite)
    return [row["organization_id"] for row in rows]


def exchange(organization_id: str) -> None:
    """Tell every tenant's object of an organization the end of its trail, and note theirs: one entry for all."""
    actor = f"org:{organization_id}"
    with rls.reading_as(actor):
        head = AuditHead.objects.filter(pk=organization_id).first()
        tenants = [each for each in _live(organization_id) if head and _is_due(each, head)]
    if head is None or not tenants:
        return
    told = {"organization": organization_id, "position": head.position, "hash": head.mac}
    answers = [(tenant, _tell(tenant, told)) for tenant in tenants]
    with rls.acting_as(actor):
        _settle(told, [(tenant, answer) for tenant, answer in answers if answer is not None])


def recorded_ends(tenant: Tenant) -> list[dict[str, Any]]:
    """Every end of a tenant's own trail that the portal's trail holds, oldest first."""
    rows = AuditEntry.objects.filter(organization_id=tenant.organization_id, action=EXCHANGE).order_by("position")
    ends = rows.values_list(f"data__tenants__{tenant.pk}", flat=True)
    return [end for end in ends.iterator(chunk_size=1000) if end]


@witnessed_by
def witnesses(organization_id: str) -> Iterator[Witness | Unheard]:
    """What each tenant's object was told of the organization's trail."""
    with rls.reading_as(f"org:{organization_id}"):
        tenants = list(_live(organization_id))
    for tenant in tenants:
        try:
            told = EdgeApi(tenant.cell).get_tenant(tenant.pk).raw.get("portal_trail")
        except (TenantGone, UnknownAtEdge):
            continue
        except EdgeError as error:
            yield Unheard(f"the edge of {tenant.pk}", error.message)
            continue
        if told:
            yield Witness(f"the edge of {tenant.pk}", told["position"], told["hash"])


def _live(organization_id: str) -> QuerySet[Tenant]:
    rows = Tenant.objects.filter(organization_id=organization_id, deleted_at__isnull=True, generation__gt=0)
    return rows.select_related("cell").order_by("pk")


def _is_due(tenant: Tenant, head: AuditHead) -> bool:
    row = TrailExchange.objects.filter(pk=tenant.pk).first()
    told_by_edge = ((tenant.edge_view or {}).get("audit") or {}).get("position", 0)
    return row is None or head.position != row.settled_position or told_by_edge > row.edge_position


def _tell(tenant: Tenant, told: Json) -> Json | None:
    """
    What the edge knew before, and its answer; None where it said nothing that could be compared.

    It is asked first: an end that is told may take the place of the one that shows what was done.
    """
    edge, known = EdgeApi(tenant.cell), None
    try:
        known = edge.get_tenant(tenant.pk).raw.get("portal_trail")
        return {"known": known, **edge.tell_trail(tenant.pk, {"epoch": tenant.cell.epoch, **told})}
    except EdgeError as error:
        log.info("trail_not_told", tenant=tenant.pk, code=error.code, error=error.message)
        return {"known": known, "audit": None} if error.code == FORKED else None


def _settle(told: Json, answers: list[tuple[Tenant, Json]]) -> None:
    rows = []
    for tenant, answer in answers:
        row = TrailExchange.objects.filter(pk=tenant.pk).first() or TrailExchange(
            tenant=tenant, organization_id=tenant.organization_id
        )
        difference = _difference(row, told, answer)
        if difference:
            _note_difference(row, difference)
        else:
            row.edge_position, row.edge_hash = answer["audit"]["position"], answer["audit"]["hash"]
            row.exchanged_at, row.differs = timezone.now(), ""
            rows.append(row)
    if rows:
        _record(told, rows)


def _record(told: Json, rows: list[TrailExchange]) -> None:
    """One entry for all; where nothing else came between, it leaves nothing to tell: an exchange makes no other."""
    organization_id, position = told["organization"], told["position"]
    ends = {row.tenant_id: {"position": row.edge_position, "hash": row.edge_hash} for row in rows}
    entry = audit.record(
        by=Actor.system("trails tell each other their ends", organization_id=organization_id),
        action=EXCHANGE,
        organization_id=organization_id,
        target=organization_id,
        data={"position": position, "hash": told["hash"], "tenants": ends},
    )
    settled = entry.position if entry.position == position + 1 else position
    for row in rows:
        row.settled_position = settled
        row.save()
    TrailExchange.objects.filter(organization_id=organization_id, settled_position=position).update(
        settled_position=settled
    )


def _difference(row: TrailExchange, told: Json, answer: Json) -> str:
    known, edge = answer["known"], answer["audit"]
    broken = known and break_of(told["organization"], Witness("the edge", known["position"], known["hash"]))
    if broken:
        return f"Entry {known['position']}: {broken.reason}."
    if edge is None:
        return f"The edge was told another hash of entry {told['position']}, or of another trail."
    if edge["position"] < row.edge_position:
        return f"The edge's trail reached {row.edge_position}, and ends at {edge['position']}."
    if edge["position"] == row.edge_position and edge["hash"] != row.edge_hash:
        return f"The edge's trail was written anew before {row.edge_position}."
    return ""


def _note_difference(row: TrailExchange, words: str) -> None:
    """For operators a line to alert on, for the organization an entry; once until it changes."""
    log.error("audit_trails_differ", tenant=row.tenant_id, difference=words)
    if row.differs == words:
        return
    row.differs = words
    row.save()
    audit.record(
        by=Actor.system("trails tell each other their ends", organization_id=row.organization_id),
        action=DIFFER,
        organization_id=row.organization_id,
        target=row.tenant_id,
        data={"difference": words},
    )


def _due_on_sqlite() -> list[dict[str, str]]:
    heads = {head.pk: head for head in AuditHead.objects.all()}
    live = Tenant.objects.filter(deleted_at__isnull=True, generation__gt=0)
    found = {each.organization_id for each in live if each.organization_id in heads}
    return [
        {"organization_id": organization_id}
        for organization_id in sorted(found)
        if any(_is_due(each, heads[organization_id]) for each in _live(organization_id))
    ]
