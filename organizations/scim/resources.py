"""Rows as SCIM resources, and what of a resource is answered (RFC 7644 §3.9)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from organizations.models import Connection, DirectoryGroup, DirectoryMember, DirectoryUser
from organizations.scim.attributes import GROUP, USER, Resource

# What is always answered (RFC 7643 §7, "returned").
ALWAYS = frozenset({"schemas", "id"})


def address_of(connection: Connection | str) -> str:
    """The address that a SCIM client is given. Args: connection: the row, or its id."""
    return f"{settings.BASE_URL}/scim/v2/{connection if isinstance(connection, str) else connection.pk}"


def user_resource(row: DirectoryUser, *, with_groups: bool = True) -> Resource:
    """A user (RFC 7643 §4.1), without what is unassigned."""
    found: Resource = {
        "schemas": [USER],
        "id": row.pk,
        "externalId": row.external_id,
        "userName": row.user_name,
        "name": row.name,
        "displayName": row.display_name,
        "active": row.active,
        "emails": row.emails,
        "groups": _groups_of(row) if with_groups else [],
        "meta": _meta("User", row),
    }
    return {name: value for name, value in found.items() if value not in ("", [], {})}


def group_resource(row: DirectoryGroup, *, with_members: bool = True) -> Resource:
    """A group (RFC 7643 §4.2)."""
    found: Resource = {
        "schemas": [GROUP],
        "id": row.pk,
        "externalId": row.external_id,
        "displayName": row.display_name,
        "members": _members_of(row) if with_members else [],
        "meta": _meta("Group", row),
    }
    return {name: value for name, value in found.items() if value not in ("", [], {})}


def version_of(row: DirectoryUser | DirectoryGroup) -> str:
    """The row's ETag."""
    return f'W/"{row.version}"'


def shown(resource: Resource, *, only: str = "", without: str = "") -> Resource:
    """
    What is answered of a resource.

    Args: only: value of the parameter `attributes`; without: of `excludedAttributes`.
    """
    if only:
        wanted = _names(only)
        return {name: part for name, value in resource.items() if (part := _kept(name, value, wanted)) is not None}
    unwanted = _names(without)
    return {name: part for name, value in resource.items() if (part := _left(name, value, unwanted)) is not None}


def asks_for(name: str, *, only: str, without: str) -> bool:
    """Whether an answer holds an attribute at all: what is costly is not looked up in vain."""
    wanted, unwanted = _names(only), _names(without)
    return any(each[0] == name for each in wanted) if wanted else (name,) not in unwanted


def _names(text: str) -> set[tuple[str, ...]]:
    plain = (each.strip().rpartition(":")[2].casefold() for each in text.split(","))
    return {tuple(each.split(".")) for each in plain if each}


def _kept(name: str, value: Any, wanted: set[tuple[str, ...]]) -> Any:
    key = name.casefold()
    if name in ALWAYS or (key,) in wanted:
        return value
    parts = {each[1] for each in wanted if len(each) == 2 and each[0] == key}
    return _parts(value, lambda part: part in parts) if parts else None


def _left(name: str, value: Any, unwanted: set[tuple[str, ...]]) -> Any:
    key = name.casefold()
    if name in ALWAYS:
        return value
    if (key,) in unwanted:
        return None
    parts = {each[1] for each in unwanted if len(each) == 2 and each[0] == key}
    return _parts(value, lambda part: part not in parts) if parts else value


def _parts(value: Any, keeps: Any) -> Any:
    if isinstance(value, list):
        return [_parts(each, keeps) for each in value]
    if not isinstance(value, Mapping):
        return None
    return {name: part for name, part in value.items() if keeps(name.casefold())}


def _meta(kind: str, row: DirectoryUser | DirectoryGroup) -> Resource:
    return {
        "resourceType": kind,
        "created": _moment(row.created_at),
        "lastModified": _moment(row.updated_at),
        "location": f"{address_of(row.connection_id)}/{kind}s/{row.pk}",
        "version": version_of(row),
    }


def _groups_of(row: DirectoryUser) -> list[Resource]:
    belongings: Iterable[DirectoryMember] = row.belongings.all()
    return [
        {
            "value": each.group_id,
            "$ref": f"{address_of(row.connection_id)}/Groups/{each.group_id}",
            "display": each.group.display_name,
            "type": "direct",
        }
        for each in belongings
    ]


def _members_of(row: DirectoryGroup) -> list[Resource]:
    members: Iterable[DirectoryMember] = row.members.all()
    return [
        {
            "value": each.member_id,
            "$ref": f"{address_of(row.connection_id)}/Users/{each.member_id}",
            "display": each.member.display_name or each.member.user_name,
            "type": "User",
        }
        for each in members
    ]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
