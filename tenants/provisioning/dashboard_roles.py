"""What somebody is in a tenant's dashboard by what they may do in the portal, and how it may open for them."""

from dataclasses import dataclass
from typing import Literal

Variant = Literal["full", "read_only"]
VARIANTS: tuple[Variant, ...] = ("full", "read_only")


@dataclass(frozen=True)
class DashboardRole:
    """
    A role in the dashboard.

    All of `permissions` stand for it: what somebody may do, not what they are called. Of `variants` the first is what
    opens unless somebody asks for another.
    """

    name: str
    permissions: frozenset[str]
    variants: tuple[Variant, ...]


ROLES = (
    DashboardRole("admin", frozenset({"tenant.create", "tenant.operate"}), ("full", "read_only")),
    DashboardRole("operator", frozenset({"tenant.operate"}), ("full", "read_only")),
    DashboardRole("viewer", frozenset({"dashboard.open"}), ("read_only",)),
)
"""From the most to the least able; the edge holds the same table (`worker/src/auth/claims.ts`) and refuses the rest."""

LEAST = ROLES[-1]


def role_within(permissions: frozenset[str]) -> DashboardRole:
    """The most able role that these permissions stand for."""
    return next((role for role in ROLES if role.permissions <= permissions), LEAST)
