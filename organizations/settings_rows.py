"""Rows of the settings pages, ready to be read: plain values, marks and words."""

from collections.abc import Iterable
from typing import Any

from controlplane.actor import Actor
from controlplane.marks import Mark
from organizations.models import ApiKey, Membership
from organizations.permissions import Role, may_hand_out
from organizations.settings_forms import scopes_in_words

KEY_MARKS = {
    "active": Mark("ok", "circle-check", "Active"),
    "expired": Mark("off", "clock", "Expired"),
    "revoked": Mark("failed", "circle-x", "Revoked"),
}


def member_rows(memberships: Iterable[Membership], actor: Actor, permissions: frozenset[str]) -> list[dict[str, Any]]:
    """Everybody of the organization: the most able role first, by name within it."""
    rows = [member_row(membership, actor, permissions) for membership in memberships]
    return sorted(rows, key=lambda row: (Role.values.index(row["role"]), row["name"].lower()))


def member_row(membership: Membership, actor: Actor, permissions: frozenset[str]) -> dict[str, Any]:
    """One person of the organization. `can_change` only within the asker's own reach."""
    person = membership.user
    return {
        "id": membership.pk,
        "name": str(person),
        "email": person.email,
        "verified": person.email_verified,
        "role": membership.role,
        "role_label": Role(membership.role).label,
        "blocked": membership.blocked_at is not None,
        "joined": membership.created_at,
        "self": person.pk == actor.user_id,
        "can_change": person.pk != actor.user_id and may_hand_out(permissions, membership.role),
    }


def key_row(key: ApiKey) -> dict[str, Any]:
    """One API key; its secret is not known to anybody."""
    return {
        "id": key.pk,
        "name": key.name,
        "tail": key.pk[-6:],
        "mark": KEY_MARKS[key.state],
        "scopes_words": scopes_in_words(list(key.scopes)),
        "owner": key.owner,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "can_revoke": key.state == "active",
    }
