"""Which tenants a roll-out would reach, and what it would do with each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from controlplane.actor import Actor
from controlplane.problems import Invalid, Problem
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from organizations.standings import Standing, standings_of
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.scheduling import IN_WINDOW, WHEN
from tenants.rollouts.deciding import RINGS
from tenants.rollouts.kind import Arguments, Kind
from tenants.rollouts.kinds import KINDS, settled

MOST = 1000
"""Tenants of one roll-out."""
MOST_AT_ONCE = 200
"""Tenants of one that knows no rings: each of them is tried."""
TAKES, WAITS, SKIPS = "takes", "waits", "skips"
HAS_IT = "It has this already."
BUSY = frozenset({"OPERATION_IN_PROGRESS", "OPERATION_SCHEDULED"})
"""What a tenant answers that something else is done with first."""


@dataclass(frozen=True)
class Foreseen:
    """What would become of one tenant: takes, waits or skips, and why."""

    tenant: Tenant
    standing: Standing
    outcome: str
    reason: str = ""


def reached(actor: Actor, organization: Organization, only: Mapping[str, list[str]] | None = None) -> list[Tenant]:
    """
    Living tenants that somebody may operate of an organization and, where it is an MSP, its clients, by ring and name.

    Args: only: `organizations` and `tenants`, by id; none named are all of them.

    An MSP's person need not work in each client first: the roll-out names every one of them before it begins.
    """
    ids = [organization.pk]
    if organization.is_msp:
        ids += organizations.clients_reached(actor, organization).values_list("pk", flat=True)
    allowed = organizations.visible_to(actor, "tenant.operate").filter(pk__in=ids)
    tenants = provisioning.living(actor).filter(organization__in=allowed)
    for field, among in (("organization__in", "organizations"), ("pk__in", "tenants")):
        if only and only.get(among):
            tenants = tenants.filter(**{field: only[among]})
    return sorted(tenants, key=lambda tenant: (RINGS.index(tenant.ring), tenant.organization.name, tenant.name))


def foresee(
    actor: Actor,
    organization: Organization,
    kind: str,
    arguments: Arguments,
    when: str,
    only: dict[str, list[str]],
) -> list[Foreseen]:
    """
    What a roll-out would do with each tenant. Raises Invalid for what can't be had, and for no tenant or too many.

    Args: only: `organizations` and `tenants`, by id; none named are all of them.
    """
    access.require(actor, "tenant.operate", organization)
    _check_when(KINDS[kind], when)
    terms = settled(kind, organization, arguments)
    for_whom = KINDS[kind].reaches(organization, terms)
    found_all = reached(actor, organization, only)
    meant = [tenant for tenant in found_all if for_whom is None or tenant.organization_id in for_whom]
    chosen = _narrowed(meant, only, MOST if KINDS[kind].in_rings else MOST_AT_ONCE)
    # What knows no rings is tried: each tenant says itself whether it has to wait.
    busy = _busy(chosen) if KINDS[kind].in_rings else set()
    standings = standings_of(actor, {tenant.organization for tenant in chosen})
    outcomes = ((tenant, *_outcome(actor, KINDS[kind], tenant, terms, when, busy)) for tenant in chosen)
    found = [Foreseen(tenant, standings[tenant.organization_id], *outcome) for tenant, *outcome in outcomes]
    return found if KINDS[kind].in_rings else [_tried(actor, KINDS[kind], each, terms, when) for each in found]


def _check_when(kind: Kind, when: str) -> None:
    if when not in WHEN:
        raise Invalid(f"Expected one of {', '.join(WHEN)}.", field="when")
    if when == IN_WINDOW and not kind.can_wait:
        raise Invalid("This does not wait for maintenance windows. Nothing was begun.", field="when")


def _tried(actor: Actor, kind: Kind, foreseen: Foreseen, settled: Arguments, when: str) -> Foreseen:
    """What a tenant says that would take it: it is asked, with all checks, and that is taken back."""
    if foreseen.outcome != TAKES:
        return foreseen
    grant_id, msp_id = foreseen.standing.grant_id, foreseen.standing.msp_id
    # Whether it is them is asked of whoever begins it; here nothing stays.
    asker = replace(actor, confirmed=None, working=(grant_id, msp_id) if grant_id and msp_id else None)
    try:
        with transaction.atomic():
            kind.ask(asker, foreseen.tenant, when, settled)
            transaction.set_rollback(True)
    except Problem as problem:
        return replace(foreseen, outcome=WAITS if problem.code in BUSY else SKIPS, reason=problem.detail)
    return foreseen


def _narrowed(tenants: list[Tenant], only: dict[str, list[str]], most: int) -> list[Tenant]:
    _refuse_unknown("organizations", only, {tenant.organization_id for tenant in tenants})
    _refuse_unknown("tenants", only, {tenant.pk for tenant in tenants})
    if not 1 <= len(tenants) <= most:
        raise Invalid(f"This reaches 1 to {most} tenants, and would be {len(tenants)}.", field="tenants")
    return tenants


def _refuse_unknown(field: str, only: dict[str, list[str]], known: set[str]) -> None:
    unknown = sorted(set(only.get(field) or []) - known)
    if unknown:
        raise Invalid(f"You have no tenant to roll out to by {unknown[0][:32]}. Nothing was begun.", field=field)


def _busy(tenants: Sequence[Tenant]) -> set[str]:
    open_or_scheduled = (*Operation.OPEN, Operation.State.SCHEDULED)
    found = Operation.objects.filter(tenant__in=[tenant.pk for tenant in tenants], exclusive=True)
    return set(found.filter(state__in=open_or_scheduled).values_list("tenant_id", flat=True))


def _outcome(
    actor: Actor, kind: Kind, tenant: Tenant, arguments: Arguments, when: str, busy: set[str]
) -> tuple[str, str]:
    outlook = kind.outlook(actor, tenant, arguments)
    if outlook.has:
        return SKIPS, HAS_IT
    if tenant.pk in busy:
        return WAITS, "Another operation is under way or scheduled; it begins once that has ended."
    if outlook.problem is not None:
        return SKIPS, outlook.problem.detail
    if when == IN_WINDOW and tenant.maintenance_window is None and outlook.restarts:
        return SKIPS, "It has no maintenance window."
    return TAKES, outlook.words
