"""Acme's tenant that runs, with what its stream brings into the inbox."""

from collections.abc import Callable
from typing import Any

import pytest

from controlplane import rls
from controlplane.celery import app
from fleet.alerts import cursors, reading
from fleet.alerts.models import Alert, AlertCursor
from organizations.models import Organization, User
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant
from tests.database import all_rows
from tests.fleet.conftest import bolt, give_client, give_tenant, page_of
from tests.tenants.conftest import alice_acts, cell, edge, program_of
from tests.tenants.edge import FakeEdge

__all__ = ["alice_acts", "bolt", "cell", "edge", "give_client", "give_tenant", "page_of", "program_of"]


@pytest.fixture
def office(acme: Organization, alice: User, give_tenant: Callable[..., Tenant]) -> Tenant:
    return give_tenant(acme, alice, "Office")


@pytest.fixture
def bring(edge: FakeEdge) -> Callable[..., None]:
    """Let alerts come into a tenant's stream, and the inbox read them."""

    def come(tenant: Tenant, **alert: Any) -> None:
        edge.alert(tenant.pk, **alert)
        mark(tenant)
        reading.read(tenant.organization_id, tenant.pk)

    return come


def mark(tenant: Tenant) -> None:
    """As the feed's mark does: the stream goes on."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        cursors.make_due(mirror.locked(tenant.pk))


def beat(name: str) -> None:
    """As the clock does: run the task of one line of its schedule, as a worker that was sent its name finds it."""
    app.loader.import_default_modules()
    app.tasks[app.conf.beat_schedule[name]["task"]]()


def alerts() -> list[Alert]:
    """All of them, the newest first."""
    with all_rows():
        return list(Alert.objects.select_related("organization", "tenant"))


def cursor_of(tenant: Tenant) -> AlertCursor:
    with all_rows():
        return AlertCursor.objects.get(pk=tenant.pk)
