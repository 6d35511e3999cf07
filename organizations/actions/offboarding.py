"""
Have a technician leave an MSP everywhere, in one action with a receipt.

1. `preview` says what it will close, and what it can't and why.
2. `offboard` does it in one transaction: emergencies, memberships in clients, invitations and requests that they made,
   the membership in the MSP with its API keys and sets of clients. Each part goes its usual way, with its own entry in
   the audit and its own word to the edge.
3. The receipt is kept. A person's account and what they have elsewhere stay: those are not the MSP's.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from django.db.models import Q
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, NotFound
from organizations.access import require
from organizations.actions import emergency_access, memberships, owners, trail
from organizations.actions.members import check_within_reach
from organizations.models import (
    AccessRequest,
    ApiKey,
    EmergencyAccess,
    Grant,
    Invitation,
    Membership,
    Offboarding,
    Organization,
    PersonSession,
    User,
)
from organizations.msp import client_sets
from organizations.roles.named import permissions_of_role
from organizations.standings import Standing, current, through_grants

KINDS = {
    "membership": "Membership",
    "sessions": "Sessions",
    "client": "Client",
    "api_key": "API key",
    "invitation": "Invitation",
    "access_request": "Request",
    "emergency": "Emergency",
    "client_membership": "Member of a client",
}


@dataclass(frozen=True)
class Item:
    """One thing that ends, or stays. `kind` is for programs and pages, `detail` says what of it."""

    kind: str
    name: str
    detail: str = ""

    @property
    def kind_words(self) -> str:
        """Its kind for people."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Plan:
    """What an offboarding closes and what it leaves."""

    membership: Membership
    closes: list[Item]
    keeps: list[Item]
    clients: list[str]
    key_ids: list[str]
    sessions: int


@dataclass(frozen=True)
class _InClient:
    """A membership of theirs in a client; `through` is how the asker may end it, `why` why they may not."""

    membership: Membership
    grant: Grant
    through: Standing | None
    why: str


def preview(*, by: Actor, msp: Organization, membership_id: str) -> Plan:
    """What `offboard` would do now. Raises NotFound, Forbidden above the asker's reach, Conflict where it can't be."""
    standing = require(by, "member.manage", msp)
    with rls.reading_as(f"org:{msp.pk}"):
        membership = _leaving(by, standing, msp, membership_id)
        return _planned(by, msp, membership)


def offboard(*, by: Actor, msp: Organization, membership_id: str) -> Offboarding:
    """
    Close everything that `preview` names; returns the receipt.

    Raises Conflict for the last owner and the one for emergencies, and for oneself.
    """
    standing = require(by, "member.manage", msp, confirmed=True)
    with rls.acting_as(f"org:{msp.pk}"):
        membership = owners.member_alone(msp, membership_id)
        _may(by, standing, membership)
        owners.keep_an_owner(membership)
        plan = _planned(by, msp, membership)
        person = membership.user
        receipt = Offboarding.objects.create(
            organization=msp,
            user_id=person.pk,
            name=str(person),
            email=person.email,
            by_user_id=by.user_id,
            by_name=_name_of(by),
            sessions=plan.sessions,
            clients=plan.clients,
            key_ids=plan.key_ids,
            closed=[asdict(item) for item in plan.closes],
            kept=[asdict(item) for item in plan.keeps],
        )
        for each in EmergencyAccess.objects.filter(EmergencyAccess.running(), msp=msp, user=person):
            emergency_access.close(by=by, emergency=each)
        for each_client in _in_clients(by, msp, person):
            _end_in_client(by, each_client, receipt)
        _end_made_by(by, msp, person, receipt)
        memberships.end(by=by, membership=membership, grant_id=standing.grant_id, offboarding=receipt.pk)
        told = {"user": person.pk, "closed": len(plan.closes), "kept": len(plan.keeps)}
        trail.record(by, standing, "organizations.offboarding.create", receipt.pk, **told)
    return receipt


def _leaving(by: Actor, standing: Standing, msp: Organization, membership_id: str) -> Membership:
    found = Membership.objects.select_related("user", "organization").filter(organization=msp, pk=membership_id).first()
    if found is None:
        raise NotFound
    _may(by, standing, found)
    return found


def _may(by: Actor, standing: Standing, membership: Membership) -> None:
    if membership.user_id == by.user_id:
        raise Conflict(
            "You can't offboard yourself. Nothing was changed.",
            code="OFFBOARDING_ONESELF",
            hint="Have another administrator do it.",
        )
    check_within_reach(standing, membership)


def _planned(by: Actor, msp: Organization, membership: Membership) -> Plan:
    person = membership.user
    keys = list(ApiKey.objects.filter(organization=msp, owner=person, revoked_at=None, expires_at__gt=timezone.now()))
    clients = _reached(by, msp, membership)
    sessions = _sessions_of(person)
    plan = Plan(membership, [], [], [client.pk for client in clients], [key.pk for key in keys], sessions)
    plan.closes.append(Item("membership", msp.name, "their role, and their sets of clients"))
    if sessions:
        plan.closes.append(Item("sessions", f"{sessions} browser session(s)", f"lose {msp.name} and its clients"))
    plan.closes.extend(Item("client", client.name, "work, dashboards and event streams") for client in clients)
    plan.closes.extend(Item("api_key", key.name, f"…{key.pk[-6:]}") for key in keys)
    plan.closes.extend(_made(msp, person))
    for each in EmergencyAccess.objects.filter(EmergencyAccess.running(), msp=msp, user=person):
        plan.closes.append(Item("emergency", each.reason))
    for one in _in_clients(by, msp, person):
        kept = Item("client_membership", one.grant.client.name, one.why)
        if one.why:
            plan.keeps.append(kept)
        else:
            plan.closes.append(replace(kept, detail="their own membership there"))
    return plan


def _grants(by: Actor, msp: Organization, those: Q | None = None) -> list[Grant]:
    """As the asker: an organization sees its grants, and not the clients that they are over."""
    with rls.reading_as(by.rls_actor):
        held = Grant.objects.filter(current(), those or Q(), msp=msp)
        return list(held.select_related("client").order_by("client__name"))


def _reached(by: Actor, msp: Organization, membership: Membership) -> list[Organization]:
    limits = client_sets.limits_of(membership.user_id, {msp.pk: membership.role})
    return [grant.client for grant in _grants(by, msp, client_sets.reached([msp.pk], limits))]


def _sessions_of(person: User) -> int:
    """How many of their browsers are signed in. Which, and from where, is theirs alone to know."""
    with rls.reading_as(f"user:{person.pk}"):
        return PersonSession.objects.filter(user=person, ended_at=None).count()


def _made(msp: Organization, person: User) -> Iterator[Item]:
    for invitation in _invitations(msp, person):
        yield Item("invitation", invitation.email, "made by them, not taken up")
    for request in _requests(msp, person):
        yield Item("access_request", request.email or "Request by code", "made by them, not answered")


def _invitations(msp: Organization, person: User) -> list[Invitation]:
    return list(Invitation.objects.filter(organization=msp, invited_by=person, expires_at__gt=timezone.now()))


def _requests(msp: Organization, person: User) -> list[AccessRequest]:
    return list(AccessRequest.objects.open().filter(organization=msp, made_by=person))


def _end_made_by(by: Actor, msp: Organization, person: User, receipt: Offboarding) -> None:
    for invitation in _invitations(msp, person):
        _note(by, msp, "organizations.invitation.withdraw", invitation.pk, receipt)
        invitation.delete()
    for request in _requests(msp, person):
        request.state, request.answered_at = AccessRequest.State.WITHDRAWN, timezone.now()
        request.save(update_fields=["state", "answered_at"])
        _note(by, msp, "organizations.access_request.withdraw", request.pk, receipt)


def _note(by: Actor, msp: Organization, action: str, target: str, receipt: Offboarding) -> None:
    trail.record(by, msp.pk, action, target, offboarding=receipt.pk)


def _in_clients(by: Actor, msp: Organization, person: User) -> list[_InClient]:
    """Their own memberships in the MSP's clients. The MSP ends those that its grant lets the asker end."""
    found = []
    for grant in _grants(by, msp):
        with rls.reading_as(f"org:{grant.client_id}"):
            membership = (
                Membership.objects.select_related("organization", "user")
                .filter(organization_id=grant.client_id, user=person)
                .first()
            )
            stays = membership is not None and owners.must_stay(membership)
        if membership is not None:
            found.append(_judged(by, grant, membership, stays=stays))
    return found


def _judged(by: Actor, grant: Grant, membership: Membership, *, stays: bool) -> _InClient:
    with rls.reading_as(by.rls_actor):
        ways = [way for way in through_grants(by, grant.client) if way.grant_id == grant.pk]
    with rls.reading_as(f"org:{grant.client_id}"):
        held = _permissions(membership)
    able = [way for way in ways if "member.manage" in way.permissions and held <= way.permissions]
    if not able:
        return _InClient(membership, grant, None, "the client does not let you manage its members: tell its owners")
    if stays:
        return _InClient(membership, grant, None, "they are its last owner, or the one for emergencies")
    return _InClient(membership, grant, able[0], "")


def _end_in_client(by: Actor, one: _InClient, receipt: Offboarding) -> None:
    if one.through is None:
        return
    acting = replace(by, working=(one.grant.pk, one.grant.msp_id))
    with rls.acting_as(f"org:{one.grant.client_id}"):
        memberships.end(by=acting, membership=one.membership, grant_id=one.grant.pk, offboarding=receipt.pk)


def _name_of(by: Actor) -> str:
    person = User.objects.filter(pk=by.user_id).first()
    return str(person) if person else by.label


def _permissions(membership: Membership) -> frozenset[str]:
    return permissions_of_role(membership.organization_id, membership.role)
