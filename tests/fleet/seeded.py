"""A fleet of any size, written in a few statements: what its pages cost is tried on thousands of tenants."""

import datetime as dt
from typing import Any

from django.utils import timezone

from organizations.models import Grant, Organization
from tenants.provisioning.models import Cell, Operation, Step, Tenant
from tenants.provisioning.told import columns_of
from tests.database import all_rows

STATES = ("running", "running", "running", "running", "degraded", "failed", "stopped", "none")
VERSIONS = ("4.14.6", "4.14.7")


def seed(msp: Organization, cell: Cell, count: int) -> None:
    """
    Clients 00000 to `count` of the MSP, each with one tenant, but every eighth without.

    What a tenant is like follows from its number alone: its state (`STATES`), version, agents, ring, and that something
    is under way in every twentieth.
    """
    now = timezone.now()
    with all_rows():
        clients = [Organization(name=f"Client {n:05}", slug=f"seeded-{msp.pk[-6:]}-{n}") for n in range(count)]
        Organization.objects.bulk_create(clients, batch_size=500)
        review_at = now + dt.timedelta(days=90)
        Grant.objects.bulk_create(
            (Grant(msp=msp, client=client, role_ceiling="operator", review_at=review_at) for client in clients),
            batch_size=500,
        )
        tenants = [_tenant(cell, client, n, now) for n, client in enumerate(clients) if _state(n) != "none"]
        Tenant.objects.bulk_create(tenants, batch_size=500)
        _begin([tenant for n, tenant in enumerate(tenants) if n % 20 == 0])


def _state(number: int) -> str:
    return STATES[number % len(STATES)]


def _tenant(cell: Cell, client: Organization, number: int, now: dt.datetime) -> Tenant:
    state = _state(number)
    requested = "stopped" if state == "stopped" else "running"
    view = view_of(number, requested, now)
    return Tenant(
        id=f"lo{client.pk[-18:]}{number:06}"[:26],
        organization=client,
        cell=cell,
        name=f"Tenant {number:05}",
        spec={"version": VERSIONS[number % 2], "roles": {}},
        ring=Tenant.Ring.CANARY if number % 10 == 0 else Tenant.Ring.GENERAL,
        requested=requested,
        generation=1,
        sent_hash="h",
        observed=state,
        observed_generation=1,
        edge_view=view,
        told_at=now,
        **columns_of(view),
    )


def view_of(number: int, requested: str, now: dt.datetime) -> dict[str, Any]:
    """What the edge told of it."""
    return {
        "generation": 1,
        "requested": requested,
        "agents": {"enrolled": number % 7, "active": number % 5 and number % 7},
        "certificate": {"not_after": (now + dt.timedelta(days=5 + number % 300)).isoformat()},
        "stream": {"seq": number, "last_event_at": (now - dt.timedelta(seconds=number)).isoformat()},
        "runtime": "stand-in",
    }


def _begin(tenants: list[Tenant]) -> None:
    operations = [
        Operation(
            organization_id=tenant.organization_id,
            tenant=tenant,
            kind="rotate_certificates",
            state=Operation.State.RUNNING,
            base_generation=1,
        )
        for tenant in tenants
    ]
    Operation.objects.bulk_create(operations, batch_size=500)
    steps = [
        Step(operation=each, organization_id=each.organization_id, position=position, name=name, state=state)
        for each in operations
        for position, (name, state) in enumerate([("submit", "succeeded"), ("mint", "running"), ("switch", "pending")])
    ]
    Step.objects.bulk_create(steps, batch_size=500)
