"""Reads of the fleet. Every one takes who is asking."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Case, CharField, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.entitlements import TRIAL
from billing.models import Plan
from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.clients.filters import NO_TENANT, Asked
from fleet.clients.models import FleetView
from organizations import access
from organizations.models import Organization
from organizations.standings import closed_grants, roles_in_msps
from organizations.visibility import open_grants, stands_in
from tenants.provisioning.models import Operation, Step, Tenant
from tenants.provisioning.statuses import gravity, status

SUMMED_UP = 200
"""Lines that are looked at to say how the fleet is."""
LONG_AGO, FAR_OFF = dt.datetime(1, 1, 2, tzinfo=dt.UTC), dt.datetime(9999, 12, 30, tzinfo=dt.UTC)


def lines(actor: Actor, msp: Organization, asked: Asked) -> QuerySet[Any]:
    """
    Lines of an MSP's fleet: each living tenant of the MSP and its clients, and each client without one.

    They are where somebody sees tenants now, and fit what is asked for. Each has the client's `id` and `name`, the
    tenant's columns under `t__`, the state as `health`, the `plan`, whether a tenant may be made there, and what it is
    sorted by.
    """
    access.require(actor, "tenant.view", msp)
    clients = open_grants(actor).filter(msp=msp).values("client_id")
    of_fleet = Q(pk__in=clients) | (Q(pk=msp.pk) & ~Q(tenant_id=""))
    found = _with_tenants(actor).filter(stands_in(actor, "tenant.view"), of_fleet)
    if actor.tenant_ids is not None:
        found = found.exclude(tenant_id="")
    return found.filter(asked.condition()).annotate(may_create=_may_create(actor)).values(*_COLUMNS)


def _with_tenants(actor: Actor) -> QuerySet[Any]:
    now = timezone.now()
    living = Q(tenants__deleted_at=None, tenants__erases_at=None)
    if actor.tenant_ids is not None:
        living &= Q(tenants__id__in=actor.tenant_ids)
    stated = Organization.objects.annotate(
        t=FilteredRelation("tenants", condition=living),
        tenant_id=Coalesce(F("t__id"), Value("")),
        tenant_name=Coalesce(F("t__name"), Value("")),
        event_at=Coalesce(F("t__last_event_at"), LONG_AGO),
        ends_at=Coalesce(F("t__certificate_ends_at"), FAR_OFF),
        plan=Coalesce(F("subscription__plan_id"), Value(TRIAL)),
        plan_name=Coalesce(F("subscription__plan__name"), Plan.objects.filter(pk=TRIAL).values("name")),
        health=Case(When(t__id=None, then=Value(NO_TENANT)), default=status(now, "t__"), output_field=CharField()),
    )
    # Filters name these: a condition on `t` itself would join the tenants once more.
    stated = stated.alias(
        ring=F("t__ring"),
        version=KeyTextTransform("version", "t__spec"),
        enrolled=F("t__agents_enrolled"),
        active=F("t__agents_active"),
        made_at=F("t__created_at"),
    )
    return stated.annotate(gravity=gravity("health", NO_TENANT))


def _may_create(actor: Actor) -> Case:
    """Only lines without a tenant are asked about: only they offer it."""
    able = Exists(Organization.objects.filter(stands_in(actor, "tenant.create"), pk=OuterRef("pk")))
    return Case(When(Q(tenant_id="") & able, then=Value(True)), default=Value(False))


_TENANT = [field.attname for field in Tenant._meta.concrete_fields]
_COLUMNS = (
    *("id", "name", "tenant_id", "tenant_name", "event_at", "ends_at", "plan", "plan_name", "health", "gravity"),
    *(f"t__{name}" for name in _TENANT),
    *("may_create", "t__cell__runtime"),
)


def tenant_of(line: Mapping[str, Any]) -> Tenant | None:
    """The tenant of a line, as if it had been asked for by itself; None for a client without one."""
    if not line["tenant_id"]:
        return None
    return Tenant.from_db("default", _TENANT, [line[f"t__{name}"] for name in _TENANT])


def states(actor: Actor, msp: Organization) -> list[str]:
    """States of the gravest lines of the whole fleet, at most `SUMMED_UP`."""
    found = lines(actor, msp, Asked({})).order_by("gravity").values_list("health", flat=True)
    return list(found[:SUMMED_UP])


def under_way(tenant_ids: Iterable[str]) -> dict[str, list[Step]]:
    """Steps of what goes on in some tenants, with the operation. The caller has found them as who is asking."""
    found = Step.objects.filter(operation__tenant__in=list(tenant_ids), operation__state__in=Operation.OPEN)
    steps: dict[str, list[Step]] = {}
    for step in found.select_related("operation").order_by("-operation__created_at", "operation_id", "position"):
        known = steps.setdefault(step.operation.tenant_id, [])
        if not known or known[0].operation_id == step.operation_id:
            known.append(step)
    return steps


def closed_to(actor: Actor, msp: Organization) -> list[Organization]:
    """Clients that ask more of whoever enters than the asker has shown, and so are on no line."""
    closed = closed_grants(actor, roles_in_msps(actor))
    return sorted((grant.client for grant in closed if grant.msp_id == msp.pk), key=lambda client: client.name)


def views_of(actor: Actor, msp: Organization) -> QuerySet[FleetView]:
    """The asker's own views of a fleet, and those that are shared; none for a key that is limited to some tenants."""
    access.require(actor, "tenant.view", msp)
    if actor.tenant_ids is not None:
        return FleetView.objects.none()
    return FleetView.objects.filter(Q(shared=True) | Q(owner_id=actor.user_id), organization=msp)


def view(actor: Actor, msp: Organization, view_id: str) -> FleetView:
    """One of them. Raises NotFound, also for somebody else's own."""
    found = views_of(actor, msp).filter(pk=view_id).first()
    if found is None:
        raise NotFound("There is no such view.")
    return found
