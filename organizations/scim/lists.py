"""
Lists of a directory: filtered, sorted and page by page (RFC 7644 §3.4.2).

A filter is asked of each row in Python, after what it says to be equal was looked up by an index. Where it says nothing
like that, only a directory of a bounded size is walked through; else the answer is `tooMany`, as the standard has it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from organizations.models import Connection, DirectoryGroup, DirectoryUser
from organizations.scim.attributes import COMMON, GROUP_ATTRIBUTES, USER_ATTRIBUTES, Attribute, Resource
from organizations.scim.documents import MOST_RESULTS
from organizations.scim.errors import ScimProblem, invalid
from organizations.scim.filters import equalities, matches, parsed
from organizations.scim.models import name_key
from organizations.scim.resources import asks_for, group_resource, shown, user_resource

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MOST_WALKED = 5000
USER_LOOKUPS = {
    "id": "pk",
    "username": "name_key",
    "externalid": "external_id",
    "groups": "belongings__group_id",
    "groups.value": "belongings__group_id",
}
GROUP_LOOKUPS = {
    "id": "pk",
    "displayname": "name_key",
    "externalid": "external_id",
    "members": "members__member_id",
    "members.value": "members__member_id",
}
SORTED_BY = {
    "id": "pk",
    "username": "name_key",
    "externalid": "external_id",
    "meta.created": "created_at",
    "meta.lastmodified": "updated_at",
}


@dataclass(frozen=True)
class Asked:
    """What a client asks of a list. `start` counts from 1."""

    filter: str = ""
    start: int = 1
    count: int = MOST_RESULTS
    sort_by: str = ""
    descending: bool = False
    only: str = ""
    without: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Asked":
        """Reads a query. Raises ScimProblem."""
        return cls(
            filter=str(given.get("filter") or ""),
            start=max(1, _number(given, "startIndex", 1)),
            count=min(MOST_RESULTS, max(0, _number(given, "count", MOST_RESULTS))),
            sort_by=str(given.get("sortBy") or ""),
            descending=str(given.get("sortOrder") or "").lower() == "descending",
            only=str(given.get("attributes") or ""),
            without=str(given.get("excludedAttributes") or ""),
        )


class Users:
    """Users of a directory as resources."""

    attributes: tuple[Attribute, ...] = (*COMMON, *USER_ATTRIBUTES)
    lookups = USER_LOOKUPS
    sorted_by = {**SORTED_BY, "displayname": "display_name"}
    costly = "groups"

    @staticmethod
    def rows(connection: Connection, *, whole: bool) -> QuerySet[Any]:
        """All living rows. Args: whole: with their groups."""
        rows = DirectoryUser.objects.filter(connection=connection, deleted_at=None)
        return rows.prefetch_related("belongings__group") if whole else rows

    @staticmethod
    def resource(row: Any, *, whole: bool) -> Resource:
        """One row as a resource."""
        return user_resource(row, with_groups=whole)


class Groups:
    """Groups of a directory as resources."""

    attributes: tuple[Attribute, ...] = (*COMMON, *GROUP_ATTRIBUTES)
    lookups = GROUP_LOOKUPS
    sorted_by = {**SORTED_BY, "displayname": "name_key"}
    costly = "members"

    @staticmethod
    def rows(connection: Connection, *, whole: bool) -> QuerySet[Any]:
        """All rows. Args: whole: with their members."""
        rows = DirectoryGroup.objects.filter(connection=connection)
        return rows.prefetch_related("members__member") if whole else rows

    @staticmethod
    def resource(row: Any, *, whole: bool) -> Resource:
        """One row as a resource."""
        return group_resource(row, with_members=whole)


type Kind = type[Users] | type[Groups]


def listed(kind: Kind, connection: Connection, asked: Asked) -> dict[str, Any]:
    """The answer to a list. Raises ScimProblem."""
    total, page = _filtered(kind, connection, asked) if asked.filter else _all(kind, connection, asked)
    resources = [shown(each, only=asked.only, without=asked.without) for each in page]
    return enveloped(resources, total=total, start=asked.start)


def enveloped(resources: list[Resource], *, total: int, start: int = 1) -> dict[str, Any]:
    """Resources as a list is answered. Args: total: how many there are; start: which of them is the first, from 1."""
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _all(kind: Kind, connection: Connection, asked: Asked) -> tuple[int, list[Resource]]:
    whole = asks_for(kind.costly, only=asked.only, without=asked.without)
    rows = _sorted(kind, kind.rows(connection, whole=whole), asked)
    page = rows[asked.start - 1 : asked.start - 1 + asked.count] if asked.count else []
    return rows.count(), [kind.resource(row, whole=whole) for row in page]


def _filtered(kind: Kind, connection: Connection, asked: Asked) -> tuple[int, list[Resource]]:
    found = parsed(asked.filter)
    needs = kind.costly in asked.filter.casefold()
    whole = needs or asks_for(kind.costly, only=asked.only, without=asked.without)
    rows = _sorted(kind, _narrowed(kind, kind.rows(connection, whole=whole), equalities(found)), asked)
    if rows.count() > MOST_WALKED:
        raise ScimProblem("tooMany", f"Filter by one of {', '.join(kind.lookups)} with eq: the directory is large.")
    resources: Iterator[Resource] = (kind.resource(row, whole=whole) for row in rows)
    matching = [each for each in resources if matches(found, each, kind.attributes)]
    return len(matching), matching[asked.start - 1 : asked.start - 1 + asked.count]


def _narrowed(kind: Kind, rows: QuerySet[Any], equal: dict[str, Any]) -> QuerySet[Any]:
    columns = {kind.lookups[path]: value for path, value in equal.items() if path in kind.lookups}
    if "name_key" in columns:
        columns["name_key"] = name_key(columns["name_key"])
    return rows.filter(**columns)


def _sorted(kind: Kind, rows: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    if not asked.sort_by:
        return rows
    column = kind.sorted_by.get(asked.sort_by.rpartition(":")[2].casefold())
    if column is None:
        raise invalid("sortBy", f"one of {', '.join(kind.sorted_by)} is needed.")
    return rows.order_by(f"-{column}" if asked.descending else column, "pk")


def _number(given: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = given.get(name)
    if value in (None, ""):
        return otherwise
    text = str(value)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise invalid(name, "a whole number is needed.")
    return int(text)
