"""
Users of an organization's directory: made, replaced, changed and taken away by its SCIM client.

Each change is one transaction with its audit entry and with everything that follows from it, under a lock on the
organization: two changes at once could otherwise each leave the other's owner as the last.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations.actions import directory_memberships
from organizations.actions.locks import locked_organization
from organizations.models import Connection, DirectoryGroup, DirectoryUser
from organizations.scim import people
from organizations.scim.attributes import COMMON, USER_ATTRIBUTES, Resource, tidied
from organizations.scim.errors import ScimProblem, invalid
from organizations.scim.models import name_key
from organizations.scim.patch import patched
from organizations.scim.resources import user_resource, version_of

MOST_USERS = 20_000
WRITABLE = (*COMMON, *USER_ATTRIBUTES)

type Change = Callable[[DirectoryUser], Resource]


def create_user(*, by: Actor, connection: Connection, given: Mapping[str, Any]) -> DirectoryUser:
    """
    Take somebody into the directory. Who is known by the connection already becomes a member at once.

    Raises ScimProblem (uniqueness, invalidValue), Conflict for an owner who can't be lost.
    """
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        if DirectoryUser.objects.filter(connection=connection, deleted_at=None).count() >= MOST_USERS:
            raise ScimProblem("tooMany", f"A directory holds at most {MOST_USERS} users.")
        entry = DirectoryUser(organization_id=connection.organization_id, connection=connection)
        _take(entry, tidied(WRITABLE, given))
        entry.user_id = _given_back(connection, entry)
        entry.save(force_insert=True)
        directory_memberships.record(
            by, connection, "organizations.directory_user.create", entry.pk, **_named(entry), active=entry.active
        )
        directory_memberships.settle(by=by, connection=connection, entry=entry, returns=True)
    return entry


def replace_user(
    *, by: Actor, connection: Connection, user_id: str, given: Mapping[str, Any], version: str = ""
) -> DirectoryUser:
    """Make a user what is given. `active` stays as it is where nothing is said of it: silence lets nobody in again."""
    return _change(by, connection, user_id, version, lambda entry: {"active": entry.active, **tidied(WRITABLE, given)})


def patch_user(
    *, by: Actor, connection: Connection, user_id: str, body: Mapping[str, Any], version: str = ""
) -> DirectoryUser:
    """Change a user by operations, all or none."""

    def change(entry: DirectoryUser) -> Resource:
        after = patched(user_resource(entry, with_groups=False), body, WRITABLE)
        return {"active": entry.active, **tidied(WRITABLE, after)}

    return _change(by, connection, user_id, version, change)


def delete_user(*, by: Actor, connection: Connection, user_id: str, version: str = "") -> None:
    """
    Take somebody out of the directory, and end their membership.

    What is kept is by what the connection calls them, so that signing in does not bring them back.
    """
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        entry = _found(connection, user_id, version)
        entry.active, entry.deleted_at = False, timezone.now()
        directory_memberships.settle(by=by, connection=connection, entry=entry, returns=False)
        entry.belongings.all().delete()
        entry.name, entry.emails, entry.display_name = {}, [], ""
        entry.save()
        directory_memberships.record(by, connection, "organizations.directory_user.delete", entry.pk, **_named(entry))


def check_door(by: Actor, connection: Connection) -> None:
    """Only a token of the organization writes in its directory. Raises NotFound."""
    if by.kind != "scim" or by.organization_id != connection.organization_id:
        raise NotFound


def lock(connection: Connection) -> None:
    """One change of an organization's directory at a time."""
    connection.organization = locked_organization(connection.organization_id)


def check_version(row: DirectoryUser | DirectoryGroup, version: str) -> None:
    """Refuses a change of what has changed meanwhile (RFC 7644 §3.14). Args: version: If-Match; empty asks nothing."""
    given = {each.strip() for each in version.split(",")}
    if version and not given & {"*", version_of(row)}:
        raise ScimProblem("", "The resource has changed since you read it. Nothing was changed.", status=412)


def check_untaken(noun: str, name: str, external_id: str, others: QuerySet[Any]) -> None:
    """Refuses what one of the directory's `others` is called already. Raises ScimProblem."""
    taken = name if others.filter(name_key=name_key(name)).exists() else ""
    if not taken and external_id and others.filter(external_id=external_id).exists():
        taken = f"with externalId {external_id}"
    if taken:
        raise ScimProblem("uniqueness", f"There is a {noun} {taken} already.", status=409)


def _change(by: Actor, connection: Connection, user_id: str, version: str, change: Change) -> DirectoryUser:
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        entry = _found(connection, user_id, version)
        before, was_active = user_resource(entry, with_groups=False), entry.active
        _take(entry, change(entry))
        after = user_resource(entry, with_groups=False)
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        if changed:
            entry.version, entry.updated_at = entry.version + 1, timezone.now()
            entry.save()
            _record_change(by, connection, entry, changed)
        directory_memberships.settle(by=by, connection=connection, entry=entry, returns=entry.active and not was_active)
    return entry


def _record_change(by: Actor, connection: Connection, entry: DirectoryUser, changed: list[str]) -> None:
    verb = "change" if "active" not in changed else "activate" if entry.active else "deactivate"
    directory_memberships.record(
        by, connection, f"organizations.directory_user.{verb}", entry.pk, **_named(entry), changed=changed
    )


def _take(entry: DirectoryUser, given: Resource) -> None:
    """Writes a tidy resource into a row, not stored. Raises ScimProblem."""
    if not given.get("userName"):
        raise invalid("userName", "it is needed.")
    entry.user_name, entry.external_id = given["userName"], given.get("externalId", "")
    entry.display_name, entry.name = given.get("displayName", ""), given.get("name", {})
    entry.emails, entry.active = given.get("emails", []), given.get("active", True)
    others = DirectoryUser.objects.filter(connection=entry.connection, deleted_at=None).exclude(pk=entry.pk)
    check_untaken("user", entry.user_name, entry.external_id, others)


def _given_back(connection: Connection, entry: DirectoryUser) -> str | None:
    """The person of a row that was deleted and bears the same name; it makes way for the new one."""
    subject = people.subject_of(connection, entry)
    former = DirectoryUser.objects.filter(connection=connection, deleted_at__isnull=False)
    rows = former.filter(**people.called(connection, subject)) if subject else former.none()
    tied = rows.exclude(user=None).values_list("user_id", flat=True).first()
    rows.delete()
    return tied


def _found(connection: Connection, user_id: str, version: str) -> DirectoryUser:
    entry = DirectoryUser.objects.filter(connection=connection, pk=user_id, deleted_at=None).first()
    if entry is None:
        raise NotFound(f"There is no user {user_id[:64]}.", hint="")
    check_version(entry, version)
    return entry


def _named(entry: DirectoryUser) -> dict[str, str]:
    return {"user_name": entry.user_name, "external_id": entry.external_id}
