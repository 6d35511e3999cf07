"""
The permissions, and the five roles that every organization has, as data.

Nothing else in the product decides by a role's name, but for the owner, whom no organization may lose. Roles that an
organization makes for itself are rows: see `organizations.roles.named`.
"""

from collections.abc import Iterable

from django.db.models import Q, TextChoices

_VIEWER = frozenset({"tenant.view", "token.view", "agent.view", "dashboard.open", "events.read", "member.view"})
_OPERATOR = _VIEWER | {
    "tenant.operate",
    "token.create",
    "token.revoke",
    "agent.quarantine",
    "agent.manage",
    "alert.handle",
    "content.manage",
    "client.emergency",
}
_ADMIN = _OPERATOR | {
    "tenant.create",
    "tenant.delete",
    "alert.route",
    "member.manage",
    "sso.manage",
    "key.manage",
    "audit.view",
    "billing.view",
    "client.manage",
    "report.manage",
}
_OWNER = _ADMIN | {"billing.manage", "organization.manage"}
_BILLING = frozenset({"tenant.view", "member.view", "billing.view", "billing.manage"})

PERMISSIONS: frozenset[str] = _OWNER
OF_TENANTS = frozenset(
    each
    for each in PERMISSIONS - {"alert.route"}
    if each.split(".")[0] in {"tenant", "token", "agent", "alert", "dashboard", "events"}
)
"""What reaches one tenant and nothing else of the organization."""
OF_ALL_CLIENTS = frozenset({"content.manage", "alert.route"})
"""What a provider's people do once for all of its clients, so that whoever is limited to some of them may not."""
CUSTOM = "role_"
"""How the key of an organization's own role begins."""


class Role(TextChoices):
    """The roles, from the most to the least able."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
    BILLING = "billing", "Billing"


ROLES: dict[str, frozenset[str]] = {
    "owner": _OWNER,
    "admin": _ADMIN,
    "operator": _OPERATOR,
    "viewer": _VIEWER,
    "billing": _BILLING,
}


def role_is_known(field: str = "role", *more: str) -> Q:
    """The condition that a column holds one of the five, the id of an organization's own role, or one of `more`."""
    return Q(**{f"{field}__in": [*Role.values, *more]}) | Q(**{f"{field}__startswith": CUSTOM})


ROLE_HELP = f"One of {', '.join(Role.values)}, or the id of one of the organization's own roles"
ROLE_WORDS = {
    "owner": "Everything, also what only the organization itself decides: owners, sign-in, billing, who manages it",
    "admin": "Makes and deletes tenants, looks after people, keys and clients; billing can only be read",
    "operator": "Runs what is there: tenants, agents, rules; takes care of alerts",
    "viewer": "Sees tenants, agents, events and dashboards, and changes nothing",
    "billing": "Sees which tenants there are, and pays for them",
}


def largest_role_within(permissions: Iterable[str]) -> str | None:
    """
    The most able role whose permissions are all among `permissions`.

    It names what is left of an MSP member's role under a client's ceiling: operator under an admin ceiling is
    operator, billing under a viewer ceiling is no role at all.
    """
    held = frozenset(permissions)
    fitting = [role for role, granted in ROLES.items() if granted <= held]
    return max(fitting, key=lambda role: len(ROLES[role]), default=None)


def roles_with(permission: str) -> list[str]:
    """
    The roles that have a permission: as ceilings, those under which an MSP's people may use it in a client.

    Functions of the database hold copies of such lists; a test compares them.
    """
    return sorted(role for role, permissions in ROLES.items() if permission in permissions)


def may_hand_out(own: Iterable[str], role: str) -> bool:
    """Nobody hands out a role that can do more than they can themselves."""
    return ROLES[role] <= frozenset(own)
