"""Reads across organizations. Every one takes who is asking."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from controlplane.actor import Actor
from organizations import queries as organizations
from organizations.models import Organization
from organizations.standings import may, memberships
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant
from tenants.provisioning.rows import TenantRow, rows_of


def home_of(actor: Actor) -> str | None:
    """
    Id of the organization that somebody comes home to; None for one who belongs nowhere.

    Their own first, also one that this session has yet to prove: its page leads to its sign-in.
    """
    own = memberships(actor).first()
    if own is not None:
        return own.organization_id
    first = organizations.visible_to(actor).order_by("kind", "created_at").first()
    return first.pk if first else None


def clients_of(actor: Actor, msp: Organization) -> list[Organization]:
    """The MSP's clients in the order of their names."""
    return list(organizations.clients_of(actor, msp).order_by("name"))


def tenants_in(actor: Actor, among: Iterable[Organization]) -> list[TenantRow]:
    """Living tenants of some organizations in the order of their names, each with what is under way."""
    ids = [organization.pk for organization in among]
    tenants: QuerySet[Tenant] = provisioning.living(actor).filter(organization_id__in=ids).order_by("name")
    return rows_of(tenants, provisioning.running_operations(actor, ids))


def where_may_create(actor: Actor, clients: Iterable[Organization], tenants: Sequence[TenantRow]) -> set[str]:
    """Clients without a tenant in which somebody may make one. Only they are asked about: only they offer it."""
    have = {row.tenant.organization_id for row in tenants}
    return {client.pk for client in clients if client.pk not in have and may(actor, "tenant.create", client)}
