"""What a connection's claims mean: which is e-mail, name and groups, which group gives which role, and who joins."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, FieldError, Forbidden, Invalid
from organizations.access import require
from organizations.actions import connections, vouching
from organizations.actions.locks import locked_organization
from organizations.models import Connection, Domain, Organization
from organizations.roles.named import roles_in
from organizations.sso.claims import LONGEST_CLAIM, PURPOSES
from organizations.sso.group_roles import checked_rules
from organizations.sso.models import NO_ACCESS
from organizations.standings import Standing


def set_mapping(
    *,
    by: Actor,
    organization: Organization,
    connection_id: str,
    mapping: Mapping[str, str],
    role_rules: Sequence[Mapping[str, str]],
    default_role: str,
) -> Connection:
    """
    Say what claims mean. It counts from the next sign-in on.

    Raises Invalid naming the field, and Forbidden where only an owner may (see `vouching`) and where the table hands
    out, or handed out, a role that can do more than the asker: whoever decides which group makes an owner could make
    themselves one.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    chosen = _checked_mapping(mapping)
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        connection = connections.found(organization, connection_id)
        vouching.require_vouching_for(by, standing, connection)
        rules = checked_rules(role_rules, default_role, roles_in(organization.pk))
        if connection.just_in_time and not rules and default_role == NO_ACCESS:
            raise _nobody_could_join()
        _check_reach(standing, connection, rules, default_role)
        connection.mapping, connection.role_rules, connection.default_role = chosen, rules, default_role
        connection.save(update_fields=["mapping", "role_rules", "default_role"])
        connections.record(
            by,
            standing,
            connection,
            "organizations.connection.map",
            mapping=chosen,
            role_rules=rules,
            default_role=default_role,
        )
    return connection


def tried(
    connection: Connection, *, mapping: Mapping[str, str], role_rules: Sequence[Mapping[str, str]], default_role: str
) -> Connection:
    """The connection as it would be, not stored, for a preview. Raises Invalid as `set_mapping` does."""
    trial = copy(connection)
    known = roles_in(connection.organization_id)
    trial.mapping, trial.role_rules = _checked_mapping(mapping), checked_rules(role_rules, default_role, known)
    trial.default_role = default_role
    return trial


def set_just_in_time(*, by: Actor, organization: Organization, connection_id: str, wanted: bool) -> Connection:
    """
    Let unknown people join by their first sign-in, or no longer. They need an address of a domain that is proven.

    Raises Conflict where no domain is proven, or where the default says that nobody gets in.
    """
    standing = require(by, "sso.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        connection = connections.found(organization, connection_id)
        if wanted and not connection.just_in_time:
            _check_somebody_can_join(standing, organization, connection)
        connection.just_in_time = wanted
        connection.save(update_fields=["just_in_time"])
        connections.record(by, standing, connection, "organizations.connection.just_in_time", wanted=wanted)
    return connection


def _check_somebody_can_join(standing: Standing, organization: Organization, connection: Connection) -> None:
    if not Domain.objects.filter(organization=organization, state__in=Domain.COUNTS).exists():
        raise Conflict(
            "Nobody can join yet: no domain of yours is proven. Nothing was changed.",
            code="NO_DOMAIN",
            hint="Claim the domain of your people's addresses first, on the page “Domains”.",
        )
    if not connection.role_rules and connection.default_role == NO_ACCESS:
        raise _nobody_could_join()
    _check_reach(standing, connection, connection.role_rules, connection.default_role)


def _nobody_could_join() -> Invalid:
    return Invalid("Without a table of groups the default must be a role, or nobody could join.", field="default_role")


def _checked_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    errors, chosen = [], {}
    for purpose, claim in mapping.items():
        name = str(claim).strip()
        if purpose not in PURPOSES:
            errors.append(FieldError("mapping", f"There is no purpose {purpose!r}: {', '.join(PURPOSES)}."))
        elif len(name) > LONGEST_CLAIM or not name.isprintable():
            errors.append(FieldError(f"{purpose}_claim", f"A claim's name has at most {LONGEST_CLAIM} characters."))
        elif name:
            chosen[purpose] = name
    if errors:
        raise Invalid("The mapping can't be used.", errors=errors)
    return chosen


def _check_reach(
    standing: Standing, connection: Connection, rules: Sequence[Mapping[str, Any]], default_role: str
) -> None:
    handed_out = {rule["role"] for rule in (*connection.role_rules, *rules)} | {connection.default_role, default_role}
    known = roles_in(connection.organization_id)
    given = [known[role] for role in sorted(handed_out) if role in known]
    beyond = [role.name for role in given if not role.permissions <= standing.permissions]
    if beyond:
        raise Forbidden(
            f"This table hands out the role “{beyond[0]}”, which can do more than yours. Nothing was changed.",
            hint="Ask an owner of the organization.",
        )
