"""
What becomes of a membership, whoever decides it: members' page, a provider's groups, provisioning, an MSP.

Each takes the organization's lock, refuses to lose the last owner, audits, and tells the edge where reach ends or
shrinks. Whether the asker may is the caller's question; so is acting as the organization. `because` goes into the
audit entry beside what was changed.
"""

from django.utils import timezone

from controlplane import audit
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations.actions import facts, keys, owners
from organizations.actions.locks import locked_organization
from organizations.models import Connection, JoinRequest, Membership, Organization, User
from organizations.permissions import Role
from organizations.roles.named import known_role, permissions_of_role


def admit(
    *,
    by: Actor,
    organization: Organization | str,
    user: User | str,
    role: str,
    grant_id: str | None = None,
    **because: str,
) -> Membership:
    """
    Make somebody a member, which settles a request of theirs.

    Raises Conflict for one who is a member already, Invalid for a role that is not there.
    """
    organization_id = organization if isinstance(organization, str) else organization.pk
    user_id = user if isinstance(user, str) else user.pk
    if isinstance(user, User):
        _refuse_owning(user, role)
    locked_organization(organization_id)
    known_role(organization_id, role)
    if Membership.objects.filter(user_id=user_id, organization_id=organization_id).exists():
        raise Conflict("This person belongs to the organization already.", code="ALREADY_MEMBER")
    JoinRequest.objects.filter(user_id=user_id, organization_id=organization_id).delete()
    membership = Membership.objects.create(user_id=user_id, organization_id=organization_id, role=role)
    _record(by, membership, "create", grant_id, role=role, user=user_id, **because)
    return membership


def give(*, by: Actor, membership: Membership, role: str, grant_id: str | None = None, **because: str) -> bool:
    """
    Give a member a role; returns whether it is another than before.

    Raises Conflict for the last owner and the one for emergencies, Invalid for a role that is not there.
    """
    _read_alone(membership)
    before = membership.role
    if before == role:
        return False
    _refuse_owning(membership.user, role)
    gained = known_role(membership.organization_id, role).permissions
    if before == Role.OWNER:
        owners.keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    if not permissions_of_role(membership.organization_id, before) <= gained:
        _end_at_the_edge(facts.ROLE_CHANGED, membership)
    _record(by, membership, "change_role", grant_id, before=before, after=role, **because)
    return True


def block(*, by: Actor, membership: Membership, connection: Connection, **because: str) -> bool:
    """
    Take access away and keep the membership; returns whether they had it.

    Args: connection: whose groups or directory took it away. The person's sessions and API keys stop working here at
    once. Raises Conflict as `give` does.
    """
    _read_alone(membership)
    if membership.blocked_at:
        return False
    owners.keep_an_owner(membership)
    membership.blocked_at, membership.blocked_by = timezone.now(), connection
    membership.save(update_fields=["blocked_at", "blocked_by"])
    _end_at_the_edge(facts.MEMBERSHIP_BLOCKED, membership)
    _record(by, membership, "block", None, user=membership.user_id, connection=connection.pk, **because)
    return True


def unblock(*, by: Actor, membership: Membership, grant_id: str | None = None, **because: str) -> bool:
    """Give access back; returns whether it was away."""
    _read_alone(membership)
    if not membership.blocked_at:
        return False
    membership.blocked_at = membership.blocked_by = None
    membership.save(update_fields=["blocked_at", "blocked_by"])
    _record(by, membership, "unblock", grant_id, user=membership.user_id, **because)
    return True


def end(*, by: Actor, membership: Membership, grant_id: str | None = None, **because: str) -> None:
    """
    End a membership, and with it the person's API keys in the organization. Raises Conflict as `give` does.

    The person and their other memberships stay as they are.
    """
    _read_alone(membership)
    owners.keep_an_owner(membership)
    keys.revoke_all_of(by=by, organization=membership.organization, user_id=membership.user_id)
    _end_at_the_edge(facts.MEMBERSHIP_ENDED, membership)
    _record(by, membership, "end", grant_id, user=membership.user_id, role=membership.role, **because)
    membership.delete()


def _refuse_owning(user: User, role: str) -> None:
    """The last owner has to be somebody who can sign in."""
    if user.is_service and role == Role.OWNER:
        raise Invalid("A service account can't be an owner. Nothing was changed.", field="role")


def _read_alone(membership: Membership) -> None:
    """Reads what is decided about after the lock is held: what the caller has may have been true before."""
    held = locked_organization(membership.organization_id)
    membership.refresh_from_db()
    membership.organization = held


def _end_at_the_edge(topic: str, membership: Membership) -> None:
    facts.publish(
        topic,
        organization_id=membership.organization_id,
        user=membership.user_id,
    )


def _record(by: Actor, membership: Membership, deed: str, grant_id: str | None, **data: str) -> None:
    audit.record(
        by=by,
        action=f"organizations.membership.{deed}",
        organization_id=membership.organization_id,
        target=membership.pk,
        data=data,
        grant_id=grant_id,
    )
