"""Reads across organizations. Every one takes who is asking."""

from controlplane.actor import Actor
from organizations import queries as organizations
from organizations.models import Organization
from organizations.standings import memberships
from tenants.provisioning import queries as provisioning
from tenants.provisioning.rows import TenantRow, rows_of


def home_of(actor: Actor) -> Organization | None:
    """
    The organization that somebody comes home to; None for one who belongs nowhere.

    Their own first, also one that this session has yet to prove: its page leads to its sign-in.
    """
    own = memberships(actor).first()
    if own is not None:
        return own.organization
    return organizations.visible_to(actor).order_by("kind", "created_at").first()


def tenants_of(actor: Actor, organization: Organization) -> list[TenantRow]:
    """An organization's living tenants in the order of their names, each with what is under way."""
    tenants = provisioning.living(actor).filter(organization=organization).order_by("name")
    return rows_of(tenants, provisioning.running_operations(actor, [organization.pk]))
