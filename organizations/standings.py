"""
How an asker stands in an organization, computed anew at every use.

A person stands in an organization by a membership, or by a membership in an MSP that holds an unexpired grant over it.
A session counts only for organizations whose sign-in policy it has met (`Actor.proofs`); an API key only for its own
organization and that one's clients, and never beyond its scopes.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane import once
from controlplane.actor import Actor
from organizations.models import EmergencyAccess, Grant, Membership, Organization
from organizations.msp import client_sets, working
from organizations.permissions import OF_ALL_CLIENTS, OF_TENANTS, PERMISSIONS, ROLES, Role, largest_role_within
from organizations.roles.named import permissions_of_role, permissions_of_roles
from organizations.security.entering import ends_at, lack

type Roles = Mapping[str, tuple[str, str | None]]
"""By organization: somebody's role, and the connection that proves them there."""

# Clients that demand anything at all of an MSP's people.
STRICT = (
    Q(client__require_second_factor=True)
    | ~Q(client__allowed_networks=[])
    | Q(client__idle_minutes__isnull=False)
    | Q(client__session_minutes__isnull=False)
    | Q(client__signed_out_at__isnull=False)
)


@dataclass(frozen=True)
class Standing:
    """
    One way in which somebody stands in an organization.

    `role` is one of the five or the id of the organization's own, and None where what is left of an MSP member's role
    fits none. `grant_id` is set when acting for a client, `connection_id` when the session was proven by an
    organization's own connection; `ends_at` is when the grant lapses, or the session's proof by an organization's own
    limit.
    """

    organization_id: str
    role: str | None
    permissions: frozenset[str]
    grant_id: str | None = None
    msp_id: str | None = None
    connection_id: str | None = None
    ends_at: dt.datetime | None = None

    @property
    def is_own(self) -> bool:
        """Whether they stand there as its own member, not by a grant to an MSP of it."""
        return self.grant_id is None

    @property
    def is_own_word(self) -> bool:
        """Whether they speak for the organization itself, as about who has access to it."""
        return self.is_own and "organization.manage" in self.permissions


def standing_of(actor: Actor, organization: Organization | str) -> Standing | None:
    """
    The standing of `actor` in `organization`, or None where they have none.

    Of several, the one that the session works under, else one that needs no choice, else the one that can do most.
    """
    organization_id = organization if isinstance(organization, str) else organization.pk
    if actor.kind == "system":
        works_here = actor.organization_id in (None, organization_id)
        return Standing(organization_id, Role.OWNER, PERMISSIONS) if works_here else None
    return max(all_standings(actor, {organization_id}), key=_preference(actor), default=None)


def standings_of(actor: Actor, organizations: Iterable[Organization]) -> dict[str, Standing]:
    """The standing in each of several organizations, for lists: as many questions to the database as for one."""
    wanted = {organization.pk for organization in organizations}
    if actor.kind == "system":
        return {one: standing for one in wanted if (standing := standing_of(actor, one))}
    return best_standings(actor, wanted)


def best_standings(actor: Actor, wanted: Collection[str]) -> dict[str, Standing]:
    """The same by ids, for an actor who is not the system."""
    # Of several the last one stays, so the best comes last.
    return {each.organization_id: each for each in sorted(all_standings(actor, wanted), key=_preference(actor))}


def through_grants(actor: Actor, organization: Organization) -> list[Standing]:
    """Every way in which somebody may work in an organization for an MSP, whether or not they have chosen to."""
    return [standing for standing in all_standings(actor, {organization.pk}) if standing.grant_id]


def _preference(actor: Actor) -> Callable[[Standing], working.Preference]:
    return lambda standing: working.preference(actor, standing.grant_id, standing.permissions)


def permissions_of(actor: Actor, organization: Organization | str) -> frozenset[str]:
    """Everything `actor` may do in `organization`; empty where they are nobody."""
    standing = standing_of(actor, organization)
    return standing.permissions if standing else frozenset()


def may(actor: Actor, permission: str, organization: Organization | str) -> bool:
    """Whether `actor` has `permission` in `organization`."""
    return permission in permissions_of(actor, organization)


def current(at: dt.datetime | None = None) -> Q:
    """The condition under which a grant holds. It does not wait for the clock that writes its end down."""
    at = at or timezone.now()
    unreviewed = Q(review_at__isnull=True) | Q(review_at__gt=at - Grant.REVIEW_GRACE)
    return Q(state=Grant.State.ACTIVE) & (Q(ends_at__isnull=True) | Q(ends_at__gt=at)) & unreviewed


def all_standings(actor: Actor, wanted: Collection[str]) -> tuple[Standing, ...]:
    """Every way in which somebody stands in some organizations, whether or not they have chosen to work by it."""
    asked = frozenset(wanted)
    return once.ask(("standings", actor, asked), lambda: tuple(_standings(actor, asked)))


def _standings(actor: Actor, wanted: Collection[str]) -> Iterator[Standing]:
    own = _admitted(actor)
    roles = _roles(actor, own)
    ends = {each.organization_id: ends_at(each.organization, actor, by=each.organization_id) for each in own}
    msps = _of_msps(roles, own)
    limits = limits_of(actor, msps)
    held = held_in(roles, limits)
    for organization_id in roles.keys() & set(wanted):
        role, connection_id = roles[organization_id]
        granted = held[organization_id]
        yield Standing(
            organization_id,
            largest_role_within(granted) if organization_id in limits else role,
            scoped(actor, granted),
            connection_id=connection_id,
            ends_at=ends[organization_id],
        )
    grants = list(Grant.objects.filter(current(), client_id__in=wanted, msp_id__in=msps).select_related("client"))
    emergencies = _emergencies(actor, grants)
    for grant in grants:
        if not lack(grant.client, actor, by=grant.msp_id):
            session_ends = _first(ends[grant.msp_id], ends_at(grant.client, actor, by=grant.msp_id))
            allowed = _in_client(grant, held[grant.msp_id], limits)
            for standing in _under(actor, grant, allowed, roles[grant.msp_id][1], emergencies.get(grant.pk)):
                yield replace(standing, ends_at=_first(standing.ends_at, session_ends))


def _in_client(grant: Grant, own: frozenset[str], limits: client_sets.Limits) -> list[frozenset[str]]:
    """What the MSP lets somebody do in one client, by each set that covers it. Args: own: by their role in the MSP."""
    sets = limits.get(grant.msp_id)
    if sets is None:
        return [own]
    return [permissions_of_role(grant.msp_id, each.role) for each in sets if each.covers(grant.client_id)]


def _under(
    actor: Actor,
    grant: Grant,
    allowed: Iterable[frozenset[str]],
    connection_id: str | None,
    emergency_ends_at: dt.datetime | None,
) -> Iterator[Standing]:
    """Every way in which somebody stands in a client under one grant: by each set, and once more in an emergency."""
    every_day = ceiling_of(grant)
    ceilings = [(every_day, grant.lapses_at)]
    if emergency_ends_at and grant.emergency_ceiling:
        more = ROLES[grant.emergency_ceiling] - client_sets.ADMINISTRATION
        ceilings.append((every_day | more, min(emergency_ends_at, grant.lapses_at)))
    for held in allowed:
        for ceiling, lapses_at in ceilings:
            left = held & ceiling
            yield Standing(
                grant.client_id,
                largest_role_within(left),
                scoped(actor, left),
                grant_id=grant.pk,
                msp_id=grant.msp_id,
                connection_id=connection_id,
                ends_at=lapses_at,
            )


def ceiling_of(grant: Grant) -> frozenset[str]:
    """
    The most that a grant allows on any day.

    The attack: with access for a day, or for an emergency's hour, one lets oneself in for ever, as a member or by what
    proves people. So only access that stands reaches that.
    """
    return most_of(grant.role_ceiling, stands=grant.ends_at is None)


def most_of(ceiling: str, *, stands: bool) -> frozenset[str]:
    """What a ceiling allows. Args: stands: the grant has no end."""
    return ROLES[ceiling] if stands else ROLES[ceiling] - client_sets.ADMINISTRATION


def _emergencies(actor: Actor, grants: Collection[Grant]) -> dict[str, dt.datetime]:
    """Ends of the person's own emergencies that go on, by grant. A key is in none."""
    if actor.kind != "user" or not any(grant.emergency_ceiling for grant in grants):
        return {}
    running = EmergencyAccess.objects.filter(EmergencyAccess.running(), user_id=actor.user_id, grant__in=grants)
    return dict(running.values_list("grant_id", "ends_at"))


def limits_of(actor: Actor, roles: dict[str, tuple[str, str | None]]) -> client_sets.Limits:
    """How far somebody reaches among the clients of the MSPs in `roles`."""
    held = {one: role for one, (role, _) in roles.items()}
    question = ("client sets", actor.user_id, tuple(sorted(held.items())))
    return once.ask(question, lambda: client_sets.limits_of(actor.user_id, held))


def held_in(roles: Mapping[str, tuple[str, str | None]], limits: client_sets.Limits) -> dict[str, frozenset[str]]:
    """What somebody may do in the organizations that they belong to."""
    held = permissions_of_roles({one: role for one, (role, _) in roles.items()})
    beyond = client_sets.ADMINISTRATION | OF_ALL_CLIENTS
    return {one: held[one] - beyond if one in limits else held[one] for one in roles}


def reached(actor: Actor, roles: dict[str, tuple[str, str | None]] | None = None) -> Q:
    """
    The condition on grants whose client somebody reaches as a member of its MSP; the system reaches all.

    Args: roles: of `proven_roles`, where the caller has asked already.
    """
    if actor.kind == "system":
        return Q()
    roles = proven_roles(actor) if roles is None else roles
    return client_sets.reached(roles, limits_of(actor, roles))


def proven_roles(actor: Actor) -> dict[str, tuple[str, str | None]]:
    """Role and proving connection by organization, for the memberships this actor may use now."""
    return _roles(actor, _admitted(actor))


def roles_in_msps(actor: Actor) -> dict[str, tuple[str, str | None]]:
    """The same for the MSPs alone, whose grants let their people into clients."""
    own = _admitted(actor)
    return _of_msps(_roles(actor, own), own)


def _of_msps(roles: Roles, own: Iterable[Membership]) -> dict[str, tuple[str, str | None]]:
    # Of everybody who works for no MSP, neither sets of clients nor grants are asked for.
    return {each.organization_id: roles[each.organization_id] for each in own if each.organization.kind == "msp"}


def _roles(actor: Actor, own: Iterable[Membership]) -> dict[str, tuple[str, str | None]]:
    ways = dict(actor.proofs or ())
    return {each.organization_id: (each.role, _connection(ways.get(each.organization_id, ""))) for each in own}


def _admitted(actor: Actor) -> list[Membership]:
    return once.ask(("admitted", actor), lambda: [each for each in memberships(actor) if _is_admitted(each, actor)])


def memberships(actor: Actor) -> QuerySet[Membership]:
    """Those that give access, whether or not this session or key has met their organization's policy."""
    found = Membership.objects.filter(
        user_id=actor.user_id, organization__state=Organization.State.ACTIVE, blocked_at=None
    )
    if actor.organization_id is not None:
        found = found.filter(organization_id=actor.organization_id)
    return found.select_related("organization")


def closed_grants(actor: Actor, msps: dict[str, tuple[str, str | None]]) -> list[Grant]:
    """Grants to `msps` that hold, whose client they reach, and whose policy on entering keeps `actor` out."""
    strict = Grant.objects.filter(current(), STRICT, reached(actor, msps)).select_related("client")
    question = ("closed", actor, frozenset(msps))
    return once.ask(question, lambda: [each for each in strict if lack(each.client, actor, by=each.msp_id)])


def _is_admitted(membership: Membership, actor: Actor) -> bool:
    proven = actor.proofs is None or membership.organization_id in dict(actor.proofs)
    return proven and not lack(membership.organization, actor, by=membership.organization_id)


def _first(*ends: dt.datetime | None) -> dt.datetime | None:
    return min((end for end in ends if end is not None), default=None)


def _connection(way: str) -> str | None:
    """An organization's own connection, which revocations at the edge go by; None for every other way in."""
    return way if way.startswith("conn_") else None


def scoped(actor: Actor, permissions: frozenset[str]) -> frozenset[str]:
    """
    What is left of permissions for a key.

    The attack: a leaked key that is limited to one tenant invites somebody, who sees all of them.
    """
    held = permissions if actor.tenant_ids is None else permissions & OF_TENANTS
    return held if actor.scopes is None else held & actor.scopes


def standing_msps(organization_id: str) -> list[str]:
    """MSPs that manage an organization until somebody ends it, who has done so for longest first."""
    grants = Grant.objects.filter(current(), client_id=organization_id, ends_at=None)
    return list(grants.order_by("created_at", "id").values_list("msp_id", flat=True))
