"""What people see of a tenant, computed by the database for lists: the same as for one tenant, whatever was told."""

import datetime as dt
import random
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from controlplane import rls
from organizations.models import Organization
from tenants.provisioning import mirror, statuses
from tenants.provisioning.lifecycle import ROLLING, status_of
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.sighting import OBSERVED
from tenants.provisioning.told import COLUMNS, columns_of
from tests.database import all_rows
from tests.tenants.conftest import fresh

pytestmark = pytest.mark.django_db

ASKED = ["running", "running", "stopped", "deleted"]
REASONS = [None, None, {"code": "KEY_MISSING", "message": "x"}, {"code": "OTHER", "message": "x"}]
RUNS = [*ROLLING, "start", "stop", "sleep", "wake", "wake", "delete"]


def view_of(lot: random.Random, now: dt.datetime) -> dict[str, Any] | None:
    """What the edge may have told last; None for nothing."""
    if lot.random() < 0.1:
        return None
    ends = lot.choice([None, *(now + dt.timedelta(days=days) for days in (-1, 1, 13, 15, 90))])
    told = {
        "generation": lot.randint(0, 3),
        "requested": lot.choice(ASKED),
        "reason": lot.choice(REASONS),
        "attention": lot.choice([None, [], [], [{"code": "DISK", "message": "x"}]]),
        "certificate": lot.choice([None, {"not_after": ends and ends.isoformat()}]),
        "stream": lot.choice([None, {"seq": 1, "last_event_at": now.isoformat()}]),
        "agents": lot.choice([None, {"enrolled": 3, "active": 2}]),
        "sleeping": lot.choice([None, None, {"since": now.isoformat(), "why": "idle"}]),
        "run": lot.choice([None, {"kind": lot.choice(RUNS), "state": lot.choice(["running", "succeeded", "failed"])}]),
    }
    return {name: value for name, value in told.items() if value is not None or lot.random() < 0.5}


def tenant_of(lot: random.Random, number: int, organization: Organization, cell: Cell, now: dt.datetime) -> Tenant:
    view = view_of(lot, now)
    return Tenant(
        id=f"t{number:025}",
        organization=organization,
        cell=cell,
        name=f"{number}",
        spec={},
        requested=lot.choice(ASKED),
        generation=lot.randint(0, 3),
        observed=lot.choice([*sorted(OBSERVED), "running", "running", "running"]),
        observed_generation=lot.randint(0, 3),
        sent_hash=lot.choice(["", "h", "h", "h"]),
        next_attempt_at=lot.choice([None, now]),
        halted_at=lot.choice([None] * 6 + [now]),
        erases_at=lot.choice([None] * 6 + [now]),
        deleted_at=lot.choice([None] * 9 + [now]),
        edge_view=view,
        **columns_of(view),
    )


def test_the_database_says_of_each_tenant_what_is_said_of_one(acme: Organization, cell: Cell) -> None:
    lot, now = random.Random(41), timezone.now()
    with all_rows():
        Tenant.objects.bulk_create(tenant_of(lot, number, acme, cell, now) for number in range(4000))
        rows = Tenant.objects.annotate(seen=statuses.status(now), rank=statuses.gravity("seen"))
        wrong = [(row.pk, row.seen, status_of(row, now)) for row in rows if row.seen != status_of(row, now)]
        assert not wrong
        assert {row.seen for row in rows} == {*statuses.GRAVITY, "deleted"}
        assert all(statuses.GRAVITY[row.rank] == row.seen for row in rows if row.seen != "deleted")


def test_the_same_is_said_from_the_organizations_side(acme: Organization, cell: Cell) -> None:
    lot, now = random.Random(42), timezone.now()
    with all_rows():
        Tenant.objects.bulk_create(tenant_of(lot, number, acme, cell, now) for number in range(300))
        rows = Organization.objects.filter(pk=acme.pk).annotate(
            t=models.FilteredRelation("tenants"), seen=statuses.status(now, "t__")
        )
        found = dict(rows.values_list("t__id", "seen"))
        assert found == {row.pk: status_of(row, now) for row in Tenant.objects.all()}


def test_the_columns_are_written_with_the_view_and_go_with_it(running: Tenant) -> None:
    kept = {name: getattr(running, name) for name in COLUMNS}
    assert kept == columns_of(running.edge_view)
    assert kept["told_requested"] == "running"
    assert kept["told_generation"] == running.generation
    with rls.acting_as(f"org:{running.organization_id}"):
        mirror.record_absence(running)
    assert {name: getattr(fresh(running), name) for name in COLUMNS} == columns_of(None)
