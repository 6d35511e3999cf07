"""
Carries out what a directory says about its people: who is in, as what, and who is not any more.

All of it touches one organization: its memberships, its keys, the sessions that its connection began. A row of the
directory counts for a person once the connection proved that they are it, never by an e-mail address.
"""

from typing import Any

from controlplane import audit
from controlplane.actor import Actor
from controlplane.problems import Conflict
from organizations.accounts.people import person_of_identity
from organizations.actions import departing, joining, memberships, owners, trail
from organizations.actions.locks import locked_organization
from organizations.models import Connection, DirectoryUser, Membership
from organizations.scim import people
from organizations.sso.group_roles import verdict
from organizations.sso.outlook import Fate, Known, Outlook, outlook


def bind(*, by: Actor, connection: Connection, entry: DirectoryUser | None, user_id: str) -> bool:
    """
    Tie a row to the person whom the connection proved to be it, once and for good; returns whether it was done now.

    Under the lock of whatever changes the row: one that was closed a moment ago has closed nobody yet, so the caller
    has to look at it again.
    """
    if entry is None or entry.user_id:
        return False
    locked_organization(connection.organization_id)
    if not DirectoryUser.objects.filter(pk=entry.pk, user=None).update(user_id=user_id):
        return False
    entry.user_id = user_id
    record(by, connection, "organizations.directory_user.bind", entry.pk, user=user_id)
    return True


def settle(*, by: Actor, connection: Connection, entry: DirectoryUser, returns: bool) -> None:
    """
    Bring the membership to what a row and its groups say, in the caller's transaction and under its lock.

    Args: returns: the directory says just now that they belong (a new row, active again, put into a group), so that a
    membership that is missing or blocked comes back.
    Raises Conflict where the last owner, or the one for emergencies, would be lost.
    """
    if entry.user_id is None:
        known = _holder(connection, entry)
        if known is None:
            return
        bind(by=by, connection=connection, entry=entry, user_id=known)
        returns = True
    membership = Membership.objects.filter(organization_id=entry.organization_id, user_id=entry.user_id).first()
    if entry.is_closed:
        _close(by, connection, entry, membership)
    elif not people.is_closed(entry.organization_id, str(entry.user_id)):
        _open(by, connection, entry, membership, returns)


def record(by: Actor, connection: Connection, action: str, target: str, **data: Any) -> None:
    """Audit what a directory changed."""
    trail.record(by, connection.organization_id, action, target, connection=connection.pk, **data)


def _holder(connection: Connection, entry: DirectoryUser) -> str | None:
    """The person whom the connection signed in by the row's name already. A claim tells only at a sign-in."""
    subject = people.subject_of(connection, entry)
    if people.claim_of(connection) or not subject:
        return None
    found = person_of_identity(connection.provider_id, subject)
    taken = DirectoryUser.objects.filter(connection=connection, user_id=found, deleted_at=None).exists()
    return None if taken else found


def _open(
    by: Actor, connection: Connection, entry: DirectoryUser, membership: Membership | None, returns: bool
) -> None:
    groups = people.groups_of(entry) if people.pushes_groups(connection) else None
    if membership is None:
        if returns:
            _enter(by, connection, entry, groups or ())
        return
    if not returns and (groups is None or not connection.maps_roles):
        return
    if membership.blocked_at and not returns and membership.blocked_by_id != connection.pk:
        return
    found = Outlook(Fate.ENTERS, membership.role)
    if groups is not None:
        keeps = owners.must_stay(membership)
        found = outlook(connection, groups, Known(role=membership.role, keeps_owner=keeps))
    joining.carry_out(by=by, connection=connection, membership=membership, found=found)


def _enter(by: Actor, connection: Connection, entry: DirectoryUser, groups: tuple[str, ...]) -> None:
    """A member from now on, where the groups or the default give a role; without one they wait."""
    given = verdict(connection.role_rules, connection.default_role, groups)
    if given.role is not None:
        found = Outlook(Fate.JOINS, given.role, given.group, is_mapped=connection.maps_roles)
        joining.join(by=by, connection=connection, user=str(entry.user_id), found=found)


def _close(by: Actor, connection: Connection, entry: DirectoryUser, membership: Membership | None) -> None:
    if membership is not None:
        try:
            if entry.deleted_at:
                memberships.end(by=by, membership=membership, connection=connection.pk, because="the directory")
            else:
                memberships.block(by=by, membership=membership, connection=connection, because="the directory")
        except Conflict as refusal:
            _record_refusal(by, connection, entry, refusal)
            raise
    addresses = [each["value"] for each in entry.emails]
    departing.end_access(by=by, connection=connection, user_id=str(entry.user_id), addresses=addresses)


def _record_refusal(by: Actor, connection: Connection, entry: DirectoryUser, refusal: Conflict) -> None:
    """The provider's log has the answer; the organization's own log tells of it too."""
    audit.record_refusal(
        by=by,
        action="organizations.directory_user.deactivate",
        organization_id=connection.organization_id,
        target=entry.pk,
        data={"connection": connection.pk, "user": str(entry.user_id), "code": refusal.code},
    )
