"""Who stands behind the entries of a trail, also people who have left and an MSP's, whom nobody here sees otherwise."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from controlplane import rls
from controlplane.models import AuditEntry
from organizations.models import ApiKey, Grant, User

MOST = 50
"""People of a name that are looked for at once."""


@dataclass(frozen=True)
class Names:
    """Names by id of what entries name: people with their address, API keys, MSPs by the grant they came through."""

    people: dict[str, tuple[str, str]]
    keys: dict[str, str]
    msps: dict[str, tuple[str, str]]


def names_in(organization_id: str, entries: Iterable[AuditEntry]) -> Names:
    """The names behind some entries of one organization's trail, for whoever may read it."""
    actors = [entry.actor for entry in entries]
    ids = {name: {actor[name] for actor in actors if actor.get(name)} for name in ("user", "key", "grant")}
    people = _people(organization_id, ids=ids["user"]) if ids["user"] else []
    keys = ApiKey.objects.filter(organization_id=organization_id, pk__in=ids["key"]) if ids["key"] else ()
    grants = Grant.objects.filter(client_id=organization_id, pk__in=ids["grant"]) if ids["grant"] else None
    return Names(
        {row["id"]: (row["name"] or row["email"], row["email"]) for row in people},
        {key.pk: key.name for key in keys},
        {grant.pk: (grant.msp_id, grant.msp.name) for grant in grants.select_related("msp")} if grants else {},
    )


def people_called(organization_id: str, words: str) -> list[str]:
    """Ids of people in this trail whose name or address holds these words, at most `MOST`."""
    return [row["id"] for row in _people(organization_id, words=words)]


def _people(organization_id: str, *, ids: Collection[str] = (), words: str = "") -> list[dict[str, Any]]:
    """
    A narrow function on Postgres: row-level security shows an organization its members, yet its trail also names an
    MSP's people and those who have left.
    """
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" if words else ""
    return rls.call(
        "organizations_people_of_trail",
        organization_id,
        sorted(ids),
        pattern,
        MOST,
        otherwise=lambda: _on_sqlite(organization_id, ids, words),
    )


def _on_sqlite(organization_id: str, ids: Collection[str], words: str) -> list[dict[str, Any]]:
    inside = AuditEntry.objects.filter(organization_id=organization_id)
    people = User.objects.filter(pk__in=inside.values("actor_user"))
    if words:
        people = people.filter(Q(name__icontains=words) | Q(email__icontains=words)).order_by("id")[:MOST]
    else:
        people = people.filter(pk__in=ids)
    return [dict(row) for row in people.values("id", "name", "email")]
