"""Northwatch with its clients and their tenants, over the edge in memory of the tenants' tests."""

from collections.abc import Callable

import pytest

from controlplane import rls
from organizations.models import Organization, User
from tenants.provisioning import actions
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, found_client, session_of
from tests.tenants.conftest import cell, edge, fresh, read_feed
from tests.tenants.edge import FakeEdge

__all__ = ["cell", "edge"]


@pytest.fixture
def give_tenant(cell: Cell, edge: FakeEdge) -> Callable[..., Tenant]:
    """Makes a tenant of an organization; it runs, unless it is to stay as it was asked for."""

    def give(organization: Organization, owner: User, name: str, *, runs: bool = True) -> Tenant:
        actor = actor_for(owner)
        with rls.acting_as(actor.rls_actor):
            tenant, _ = actions.create(by=actor, organization=organization, name=name)
        if runs:
            reconcile(tenant.pk)
            edge.finish(tenant.pk)
            read_feed()
        return fresh(tenant)

    return give


@pytest.fixture
def bolt(
    msp: Organization, paula: User, acme: Organization, give_client: Callable[[str], Organization]
) -> Organization:
    """Bolt, another client of Northwatch, which has no tenant."""
    return give_client("Bolt")


@pytest.fixture
def give_client(msp: Organization, paula: User, alice: User) -> Callable[[str], Organization]:
    return lambda name: found_client(msp, paula, alice, name)


@pytest.fixture
def page_of() -> Callable[..., object]:
    """Reads an organization's home as somebody."""

    def read(person: User, organization: Organization, query: str = "") -> object:
        return session_of(person).get(f"/o/{organization.pk}/{query}")

    return read
