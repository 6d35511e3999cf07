"""Members and invitations as pages show them."""

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.actor import Actor
from organizations.models import Invitation, Membership
from organizations.roles.named import NamedRole

GONE = NamedRole("", "No role", "", frozenset())


def member_rows(
    memberships: Iterable[Membership], actor: Actor, permissions: frozenset[str], roles: Mapping[str, NamedRole]
) -> list[dict[str, Any]]:
    """Everybody of the organization: by role in the order of `roles`, by name within it."""
    rows = [member_row(each, actor, permissions, roles.get(each.role, GONE)) for each in memberships]
    places = {key: place for place, key in enumerate(roles)}
    return sorted(rows, key=lambda row: (places.get(row["role"], len(places)), row["name"].lower()))


def member_row(membership: Membership, actor: Actor, permissions: frozenset[str], role: NamedRole) -> dict[str, Any]:
    """One person of the organization. `can_change` only within the asker's own reach."""
    person = membership.user
    return {
        "id": membership.pk,
        "name": str(person),
        "email": person.email,
        "verified": person.email_verified,
        "is_service": person.is_service,
        "role": membership.role,
        "role_label": role.name,
        "blocked": membership.blocked_at is not None,
        "joined": membership.created_at,
        "self": person.pk == actor.user_id,
        "can_change": person.pk != actor.user_id and role.permissions <= permissions,
    }


def invitation_rows(invitations: Iterable[Invitation], roles: Mapping[str, NamedRole]) -> list[tuple[Invitation, str]]:
    """Invitations, each with the name of its role."""
    return [(each, roles.get(each.role, GONE).name) for each in invitations]
