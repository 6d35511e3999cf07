"""
Carries out what an identity provider's answer means for a membership: join, change of role, or no access any more.

Every sign-in comes by here, so that roles follow the provider's groups each time and not only at the first.
"""

from controlplane.actor import Actor
from organizations.actions import departing, memberships, owners
from organizations.models import Connection, Membership, User
from organizations.permissions import Role
from organizations.scim.people import Provision
from organizations.sso.domains import reach
from organizations.sso.outlook import Fate, Known, Outlook, outlook
from organizations.sso.proven import ProvenIdentity


def known_of(
    connection: Connection, membership: Membership | None, identity: ProvenIdentity, provision: Provision
) -> Known:
    """The facts that decide about an identity. The caller acts as the organization."""
    return Known(
        role=membership.role if membership else None,
        keeps_owner=membership is not None and owners.must_stay(membership),
        is_blocked=membership is not None and membership.blocked_at is not None,
        is_blocked_here=membership is not None and membership.blocked_by_id == connection.pk,
        address_is_proven=reach.proves(connection.organization, identity.email),
        email_disputed=identity.email_disputed,
        is_provisioned=provision.is_expected,
        is_deprovisioned=provision.is_closed,
    )


def apply(
    *,
    by: Actor,
    connection: Connection,
    membership: Membership,
    identity: ProvenIdentity,
    provision: Provision,
) -> Outlook:
    """
    Brings a member's role to what the provider's groups give, in the caller's transaction; returns the decision.

    A refusal is carried out as well: the membership is blocked until what blocked it, this connection's groups or its
    directory, gives access again.
    """
    found = outlook(connection, provision.groups, known_of(connection, membership, identity, provision))
    if found.role == membership.role and not membership.blocked_at:
        return found
    # Of two owners who lose the role at once, one would be the last: only one at a time decides and writes.
    membership = owners.member_alone(connection.organization, membership.pk)
    found = outlook(connection, provision.groups, known_of(connection, membership, identity, provision))
    carry_out(by=by, connection=connection, membership=membership, found=found)
    return found


def carry_out(*, by: Actor, connection: Connection, membership: Membership, found: Outlook) -> None:
    """Brings a membership to what was decided, in the caller's transaction and under its lock."""
    if found.is_refused:
        memberships.block(by=by, membership=membership, connection=connection)
        if found.fate == Fate.DEPROVISIONED:
            departing.end_access(by=by, connection=connection, user_id=membership.user_id)
        return
    memberships.unblock(by=by, membership=membership, connection=connection.pk)
    why = {"connection": connection.pk, **_why(found)}
    memberships.give(by=by, membership=membership, role=found.role or membership.role, **why)


def join(*, by: Actor, connection: Connection, user: User | str, found: Outlook) -> Membership:
    """Make somebody whom the connection proved a member, with the role of the decision."""
    why = {"connection": connection.pk, **_why(found)}
    return memberships.admit(
        by=by, organization=connection.organization_id, user=user, role=found.role or Role.VIEWER, **why
    )


def _why(found: Outlook) -> dict[str, str]:
    return {"because": f"group {found.group}" if found.group else "default role"}
