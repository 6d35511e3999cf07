"""
Carries out what an identity provider's answer means for a membership: join, change of role, or no access any more.

Every sign-in comes by here, so that roles follow the provider's groups each time and not only at the first.
"""

from django.utils import timezone

from controlplane import audit
from controlplane.actor import Actor
from organizations import queries
from organizations.actions import facts
from organizations.models import Connection, Membership, Organization, User
from organizations.permissions import ROLES, Role
from organizations.sso.domains import reach
from organizations.sso.outlook import Known, Outlook, outlook
from organizations.sso.proven import ProvenIdentity


def known_of(organization: Organization, membership: Membership | None, identity: ProvenIdentity) -> Known:
    """The facts that decide about an identity. The caller acts as the organization."""
    return Known(
        role=membership.role if membership else None,
        keeps_owner=membership is not None and _must_stay_owner(organization, membership),
        address_is_proven=reach.proves(organization, identity.email),
        email_disputed=identity.email_disputed,
    )


def apply(
    *, by: Actor, connection: Connection, organization: Organization, membership: Membership, identity: ProvenIdentity
) -> Outlook:
    """
    Brings a member's role to what the provider's groups give, in the caller's transaction; returns the decision.

    A refusal is carried out as well: the membership is blocked until groups give access again.
    """
    found = outlook(connection, identity.groups, known_of(organization, membership, identity))
    if found.role == membership.role and not membership.blocked_at:
        return found
    # Of two owners who lose the role at once, one would be the last: only one at a time decides and writes.
    locked = Organization.objects.select_for_update().get(pk=organization.pk)
    membership.refresh_from_db()
    found = outlook(connection, identity.groups, known_of(locked, membership, identity))
    if found.is_refused:
        _block(by, connection, membership)
    else:
        _unblock(by, connection, membership)
        _change_role(by, connection, membership, found)
    return found


def join(*, by: Actor, connection: Connection, user: User, found: Outlook) -> Membership:
    """Make somebody whom the connection proved a member, with the role of the decision."""
    membership = Membership.objects.create(
        user=user, organization_id=connection.organization_id, role=found.role or Role.VIEWER
    )
    _record(
        by, connection, "organizations.membership.create", membership, role=membership.role, user=user.pk, **_why(found)
    )
    return membership


def _must_stay_owner(organization: Organization, membership: Membership) -> bool:
    """Whether groups may not take the owner's role: from the last who has it, and from the one kept for emergencies."""
    if membership.role != Role.OWNER:
        return False
    others = Membership.objects.filter(organization=organization, role=Role.OWNER, blocked_at=None)
    return organization.break_glass_id == membership.user_id or not others.exclude(pk=membership.pk).exists()


def _change_role(by: Actor, connection: Connection, membership: Membership, found: Outlook) -> None:
    before, after = membership.role, found.role or membership.role
    if before == after:
        return
    membership.role = after
    membership.save(update_fields=["role"])
    if not ROLES[before] <= ROLES[after]:
        _end_at_the_edge(facts.ROLE_CHANGED, membership)
    _record(
        by,
        connection,
        "organizations.membership.change_role",
        membership,
        before=before,
        after=after,
        **_why(found),
    )


def _block(by: Actor, connection: Connection, membership: Membership) -> None:
    """Sessions and API keys of the person stop working here at once; what they had opened at the edge is closed."""
    if membership.blocked_at:
        return
    membership.blocked_at = timezone.now()
    membership.save(update_fields=["blocked_at"])
    _end_at_the_edge(facts.MEMBERSHIP_BLOCKED, membership)
    _record(by, connection, "organizations.membership.block", membership, user=membership.user_id)


def _unblock(by: Actor, connection: Connection, membership: Membership) -> None:
    if not membership.blocked_at:
        return
    membership.blocked_at = None
    membership.save(update_fields=["blocked_at"])
    _record(by, connection, "organizations.membership.unblock", membership, user=membership.user_id)


def _end_at_the_edge(topic: str, membership: Membership) -> None:
    facts.publish(
        topic,
        organization_id=membership.organization_id,
        organizations=queries.reach_of(membership.organization_id),
        user=membership.user_id,
    )


def _why(found: Outlook) -> dict[str, str]:
    return {"because": f"group {found.group}" if found.group else "default role"}


def _record(by: Actor, connection: Connection, action: str, membership: Membership, **data: str) -> None:
    audit.record(
        by=by,
        action=action,
        organization_id=connection.organization_id,
        target=membership.pk,
        data={**data, "connection": connection.pk},
    )
