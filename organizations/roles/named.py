"""The roles that there are in an organization: the five of everybody, and its own. Read at every use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controlplane.problems import Invalid
from organizations.models import CustomRole
from organizations.permissions import CUSTOM, PERMISSIONS, ROLE_WORDS, ROLES, Role


@dataclass(frozen=True)
class NamedRole:
    """What people choose from. `key` is what memberships, invitations and tables of groups hold."""

    key: str
    name: str
    description: str
    permissions: frozenset[str]

    @property
    def is_custom(self) -> bool:
        """Whether the organization made it."""
        return self.key.startswith(CUSTOM)


BUILT_IN = {
    role.value: NamedRole(role.value, str(role.label), ROLE_WORDS[role.value], ROLES[role.value]) for role in Role
}


def named(role: CustomRole) -> NamedRole:
    """A row as a role. A permission that the product no longer has is none."""
    return NamedRole(role.pk, role.name, role.description, PERMISSIONS & frozenset(role.permissions))


def roles_in(organization_id: str) -> dict[str, NamedRole]:
    """All roles that an organization's people can have, by key: the five first, then its own by name."""
    own = CustomRole.objects.filter(organization_id=organization_id)
    return {**BUILT_IN, **{role.pk: named(role) for role in own}}


def role_in(organization_id: str, key: str) -> NamedRole | None:
    """One role of an organization; None where there is no such, or another organization has it."""
    if not key.startswith(CUSTOM):
        return BUILT_IN.get(key)
    row = CustomRole.objects.filter(organization_id=organization_id, pk=key).first()
    return named(row) if row else None


def known_role(organization_id: str, key: str) -> NamedRole:
    """As `role_in`; raises Invalid, naming the field, where there is none."""
    found = role_in(organization_id, key)
    if found is None:
        raise Invalid(
            f"The role is one of {', '.join(ROLES)}, or the id of a role of this organization's own.", field="role"
        )
    return found


def permissions_of_role(organization_id: str, key: str) -> frozenset[str]:
    """What a role allows; nothing where there is none."""
    found = role_in(organization_id, key)
    return found.permissions if found else frozenset()


def permissions_of_roles(keys: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """What roles allow, by organization. Args: keys: organization → role. At most one question to the database."""
    wanted = {key for key in keys.values() if key.startswith(CUSTOM)}
    rows = CustomRole.objects.filter(pk__in=wanted, organization_id__in=keys) if wanted else ()
    own = {(row.organization_id, row.pk): named(row).permissions for row in rows}
    return {
        organization_id: ROLES.get(key) or own.get((organization_id, key), frozenset())
        for organization_id, key in keys.items()
    }


def choices(organization_id: str) -> list[tuple[str, str]]:
    """For a form's field: key and name of each."""
    return [(role.key, role.name) for role in roles_in(organization_id).values()]


def role_name(organization_id: str, key: str) -> str:
    """A role for people."""
    found = role_in(organization_id, key)
    return found.name if found else "No role"


def choices_within(own: Iterable[str], roles: Iterable[NamedRole]) -> list[tuple[str, str]]:
    """For a field: those of `roles` that somebody who may do `own` may hand out: none that can do more than they."""
    held = frozenset(own)
    return [(role.key, role.name) for role in roles if role.permissions <= held]
