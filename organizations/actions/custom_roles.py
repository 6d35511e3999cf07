"""
Roles that an organization makes for itself: define, change, delete.

Nobody makes, changes or deletes one that can do more than they may themselves. A change counts at once for everybody
who has the role, and what it opened at the edge is closed where the role shrinks.
"""

from collections.abc import Iterable

from django.db.models import Q

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.access import require
from organizations.actions import facts, trail
from organizations.actions.locks import locked_organization
from organizations.models import ClientRole, Connection, CustomRole, Invitation, Membership, Organization
from organizations.models.role import LONGEST_DESCRIPTION, LONGEST_NAME
from organizations.permissions import PERMISSIONS, Role
from organizations.roles.named import named
from organizations.standings import Standing

MOST_ROLES = 50
NAMED_USERS = 5
"""So many of those who have a role are named before the rest is counted."""


def create(
    *, by: Actor, organization: Organization, name: str, permissions: Iterable[str], description: str = ""
) -> CustomRole:
    """
    Define a role that allows `permissions`.

    Raises Invalid naming the field, Forbidden where it could do more than the asker, Conflict beyond 50 roles.
    """
    standing = require(by, "member.manage", organization, confirmed=True)
    role = CustomRole(organization=organization, description=_description(description))
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        if CustomRole.objects.filter(organization=organization).count() >= MOST_ROLES:
            raise Conflict(f"An organization has at most {MOST_ROLES} roles of its own.", code="TOO_MANY")
        role.name, role.permissions = _name(role, name), _permissions(standing, permissions)
        role.save(force_insert=True)
        trail.record(by, standing, "organizations.role.create", role.pk, name=role.name, permissions=role.permissions)
    return role


def change(
    *,
    by: Actor,
    organization: Organization,
    role_id: str,
    name: str | None = None,
    permissions: Iterable[str] | None = None,
    description: str | None = None,
) -> CustomRole:
    """Change a role for everybody who has it, at once; None leaves as it is. Raises as `create` does, and NotFound."""
    standing = require(by, "member.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        role = _found(standing, organization, role_id)
        before = named(role).permissions
        role.name = role.name if name is None else _name(role, name)
        role.description = role.description if description is None else _description(description)
        role.permissions = role.permissions if permissions is None else _permissions(standing, permissions)
        role.save(update_fields=["name", "description", "permissions"])
        gained, lost = sorted(set(role.permissions) - before), sorted(before - set(role.permissions))
        if lost:
            _end_at_the_edge(role)
        told = {"name": role.name, "gained": gained, "lost": lost}
        trail.record(by, standing, "organizations.role.change", role.pk, **told)
    return role


def delete(*, by: Actor, organization: Organization, role_id: str) -> None:
    """Delete a role that nobody has. Raises Conflict saying who has it, NotFound, Forbidden."""
    standing = require(by, "member.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        role = _found(standing, organization, role_id)
        users = users_of(organization.pk, role_id)
        if users:
            raise Conflict(
                f"The role “{role.name}” is in use: {'; '.join(users)}. Nothing was changed.",
                code="ROLE_IN_USE",
                hint="Give those another role first.",
            )
        role.delete()
        trail.record(by, standing, "organizations.role.delete", role_id, name=role.name)


def users_of(organization_id: str, key: str) -> list[str]:
    """Who and what holds a role, in words; empty where nothing does. The caller acts as the organization."""
    members = Membership.objects.filter(role=key, organization_id=organization_id).select_related("user")
    invitations = Invitation.objects.filter(role=key, organization_id=organization_id)
    sets = ClientRole.objects.filter(role=key, organization_id=organization_id).select_related("membership__user")
    tables = [
        each.name
        for each in Connection.objects.filter(organization_id=organization_id)
        if key in {each.default_role, *(rule["role"] for rule in each.role_rules)}
    ]
    return [
        *_words("{} member{}", [str(each.user) for each in members]),
        *_words("{} invitation{}", [each.email for each in invitations]),
        *_words("{} table{} of groups", tables),
        *_words("{} set{} of clients", [str(each.membership.user) for each in sets]),
    ]


def _words(kind: str, names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(sorted(names)[:NAMED_USERS])
    more = f" and {len(names) - NAMED_USERS} more" if len(names) > NAMED_USERS else ""
    return [f"{kind.format(len(names), '' if len(names) == 1 else 's')} ({shown}{more})"]


def _found(standing: Standing, organization: Organization, role_id: str) -> CustomRole:
    """A role within the asker's reach, as it is while only the caller decides."""
    locked_organization(organization.pk)
    role = CustomRole.objects.filter(organization=organization, pk=role_id).first()
    if role is None:
        raise NotFound
    if not named(role).permissions <= standing.permissions:
        raise Forbidden(f"The role “{role.name}” can do more than yours. Nothing was changed.")
    return role


def _name(role: CustomRole, name: str) -> str:
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= LONGEST_NAME or not tidy.isprintable():
        raise Invalid(f"The name has between 1 and {LONGEST_NAME} characters.", field="name")
    others = CustomRole.objects.filter(organization_id=role.organization_id, name__iexact=tidy).exclude(pk=role.pk)
    if tidy.lower() in Role.values or others.exists():
        raise Invalid(f"There is a role called “{tidy}” already.", field="name")
    return tidy


def _description(text: str) -> str:
    tidy = " ".join(text.split())
    if len(tidy) > LONGEST_DESCRIPTION or not tidy.isprintable():
        raise Invalid(f"The description has at most {LONGEST_DESCRIPTION} characters.", field="description")
    return tidy


def _permissions(standing: Standing, permissions: Iterable[str]) -> list[str]:
    wanted = sorted(set(permissions))
    unknown = [each for each in wanted if each not in PERMISSIONS]
    if not wanted or unknown:
        raise Invalid(f"A role allows one or more of {', '.join(sorted(PERMISSIONS))}.", field="permissions")
    beyond = [each for each in wanted if each not in standing.permissions]
    if beyond:
        raise Forbidden(f"A role can't do more than its maker: {', '.join(beyond)} is beyond you. Nothing was changed.")
    return wanted


def _end_at_the_edge(role: CustomRole) -> None:
    """For everybody who has the role, here or in a set of clients."""
    holding = Q(role=role.pk) | Q(client_roles__role=role.pk)
    members = Membership.objects.filter(holding, organization_id=role.organization_id, blocked_at=None)
    holders = members.values_list("user_id", flat=True).distinct()
    facts.publish_for(facts.ROLE_CHANGED, role.organization_id, holders, role=role.pk)
