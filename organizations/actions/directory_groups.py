"""Groups of an organization's directory. Roles follow them at once."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations.actions import directory_memberships
from organizations.actions.directory import check_door, check_untaken, check_version, lock
from organizations.models import Connection, DirectoryGroup, DirectoryMember, DirectoryUser
from organizations.scim.attributes import COMMON, GROUP_ATTRIBUTES, Resource, tidied
from organizations.scim.errors import ScimProblem, invalid
from organizations.scim.patch import patched
from organizations.scim.resources import group_resource

MOST_GROUPS = 1000
MOST_TOLD = 20
WRITABLE = (*COMMON, *GROUP_ATTRIBUTES)

type Change = Callable[[DirectoryGroup], Resource]


def create_group(*, by: Actor, connection: Connection, given: Mapping[str, Any]) -> DirectoryGroup:
    """Take a group with its members into the directory. Raises ScimProblem."""
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        if DirectoryGroup.objects.filter(connection=connection).count() >= MOST_GROUPS:
            raise ScimProblem("tooMany", f"A directory holds at most {MOST_GROUPS} groups.")
        group = DirectoryGroup(organization_id=connection.organization_id, connection=connection)
        tidy = tidied(WRITABLE, given)
        _take(group, tidy)
        group.save(force_insert=True)
        _put_members(by, connection, group, tidy, "create")
    return group


def replace_group(
    *, by: Actor, connection: Connection, group_id: str, given: Mapping[str, Any], version: str = ""
) -> DirectoryGroup:
    """Make a group what is given, members included."""
    return _change(by, connection, group_id, version, lambda group: tidied(WRITABLE, given))


def patch_group(
    *, by: Actor, connection: Connection, group_id: str, body: Mapping[str, Any], version: str = ""
) -> DirectoryGroup:
    """Change a group by operations, all or none."""
    return _change(
        by,
        connection,
        group_id,
        version,
        lambda group: tidied(WRITABLE, patched(group_resource(_with_members(group)), body, WRITABLE)),
    )


def delete_group(*, by: Actor, connection: Connection, group_id: str, version: str = "") -> None:
    """Take a group away. Its members lose what it gave."""
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        group = _found(connection, group_id, version)
        touched = set(group.members.values_list("member_id", flat=True))
        name = group.display_name
        group.delete()
        directory_memberships.record(by, connection, "organizations.directory_group.delete", group_id, name=name)
        _settle(by, connection, touched, set())


def _change(by: Actor, connection: Connection, group_id: str, version: str, change: Change) -> DirectoryGroup:
    check_door(by, connection)
    with rls.acting_as(f"org:{connection.organization_id}"):
        lock(connection)
        group = _found(connection, group_id, version)
        before = (group.display_name, group.external_id)
        tidy = change(group)
        _take(group, tidy)
        renamed = before != (group.display_name, group.external_id)
        _put_members(by, connection, group, tidy, "change", renamed=renamed)
    return group


def _put_members(
    by: Actor, connection: Connection, group: DirectoryGroup, tidy: Resource, verb: str, *, renamed: bool = True
) -> None:
    """Stores who is in the group from now on, and carries out what follows."""
    wanted, held = _members(group, tidy), set(group.members.values_list("member_id", flat=True))
    added, removed = wanted - held, held - wanted
    if verb == "change" and not (added or removed or renamed):
        return
    group.version, group.updated_at = group.version + (verb == "change"), timezone.now()
    group.save()
    DirectoryMember.objects.filter(group=group, member_id__in=removed).delete()
    DirectoryMember.objects.bulk_create(
        DirectoryMember(organization_id=group.organization_id, group=group, member_id=each) for each in sorted(added)
    )
    told: dict[str, Any] = {"name": group.display_name, "added": len(added), "removed": len(removed)}
    told["who"] = sorted(added | removed)[:MOST_TOLD]
    directory_memberships.record(by, connection, f"organizations.directory_group.{verb}", group.pk, **told)
    _settle(by, connection, wanted | held if renamed else added | removed, wanted if renamed else added)


def _settle(by: Actor, connection: Connection, touched: set[str], given: set[str]) -> None:
    """
    Roles follow at once, for everybody whom the connection proved and who is active.

    Args: given: who is in a group from now on that says something new of them, and may come in by it.
    """
    rows = DirectoryUser.objects.filter(pk__in=touched, active=True, deleted_at=None)
    for entry in rows.order_by("id"):
        directory_memberships.settle(by=by, connection=connection, entry=entry, returns=entry.pk in given)


def _take(group: DirectoryGroup, tidy: Resource) -> None:
    if not tidy.get("displayName"):
        raise invalid("displayName", "it is needed.")
    group.display_name, group.external_id = tidy["displayName"], tidy.get("externalId", "")
    others = DirectoryGroup.objects.filter(connection=group.connection).exclude(pk=group.pk)
    check_untaken("group", group.display_name, group.external_id, others)


def _members(group: DirectoryGroup, tidy: Resource) -> set[str]:
    """Ids of the users that are named. Raises ScimProblem for what is no user of this directory."""
    given = tidy.get("members", [])
    if any(each.get("type", "User").casefold() != "user" for each in given):
        raise invalid("members", "groups within groups are not taken; add their users.")
    wanted = {each["value"] for each in given}
    known = DirectoryUser.objects.filter(connection=group.connection, deleted_at=None, pk__in=wanted)
    unknown = sorted(wanted - set(known.values_list("pk", flat=True)))
    if unknown:
        raise invalid("members", f"there is no user {unknown[0][:64]} in this directory.")
    return wanted


def _with_members(group: DirectoryGroup) -> DirectoryGroup:
    return DirectoryGroup.objects.prefetch_related("members__member").get(pk=group.pk)


def _found(connection: Connection, group_id: str, version: str) -> DirectoryGroup:
    group = DirectoryGroup.objects.filter(connection=connection, pk=group_id).first()
    if group is None:
        raise NotFound(f"There is no group {group_id[:64]}.", hint="")
    check_version(group, version)
    return group
