"""Say in which of an MSP's clients a member works, and as what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from organizations.access import require
from organizations.actions import facts, owners, trail
from organizations.actions.members import check_role, check_within_reach
from organizations.models import ClientRole, Grant, Membership, Organization
from organizations.permissions import Role
from organizations.standings import Standing, current

MOST_SETS = 20


@dataclass(frozen=True)
class WantedSet:
    """A role over a set of clients: `reach` is one of `ClientRole.Reach`, `clients` are ids."""

    role: str
    reach: str
    clients: Sequence[str] = field(default=())


def set_client_roles(
    *, by: Actor, msp: Organization, membership_id: str, sets: Iterable[WantedSet]
) -> list[ClientRole]:
    """
    Give a member exactly these sets; none at all gives them their own role in every client again.

    Raises Forbidden above the asker's own reach and for whoever is limited themselves, Conflict for owners, who are
    never limited, and for an organization that is no MSP; Invalid naming the field.
    """
    standing, wanted = _manager(by, msp), list(sets)
    if len(wanted) > MOST_SETS:
        raise _too_many()
    _check_clients(msp, wanted)
    with rls.acting_as(f"org:{msp.pk}"):
        membership = _alone(standing, msp, membership_id)
        before = _held(membership)
        membership.client_roles.all().delete()
        made = [_make(standing, membership, each) for each in wanted]
        _tell(by, standing, membership, before)
    return made


def add_set(*, by: Actor, msp: Organization, membership_id: str, wanted: WantedSet) -> ClientRole:
    """Give a member one more set; the others stay, also one that is added at the same moment. Raises as above."""
    standing = _manager(by, msp)
    _check_clients(msp, [wanted])
    with rls.acting_as(f"org:{msp.pk}"):
        membership = _alone(standing, msp, membership_id)
        before = _held(membership)
        if len(before) >= MOST_SETS:
            raise _too_many()
        made = _make(standing, membership, wanted)
        _tell(by, standing, membership, before)
    return made


def remove_set(*, by: Actor, msp: Organization, membership_id: str, set_id: str) -> None:
    """Take one set away; without any a member works in every client again. Raises as above, and NotFound."""
    standing = _manager(by, msp)
    with rls.acting_as(f"org:{msp.pk}"):
        membership = _alone(standing, msp, membership_id)
        before = _held(membership)
        gone, _ = membership.client_roles.filter(pk=set_id).delete()
        if not gone:
            raise NotFound
        _tell(by, standing, membership, before)


def _manager(by: Actor, msp: Organization) -> Standing:
    standing = require(by, "member.manage", msp, confirmed=True)
    if not msp.is_msp:
        raise Conflict("Only a managed service provider has clients. Nothing was changed.", code="NOT_AN_MSP")
    return standing


def _alone(standing: Standing, msp: Organization, membership_id: str) -> Membership:
    """The member as they are now: their sets are read after this, and nobody else changes them meanwhile."""
    membership = owners.member_alone(msp, membership_id)
    _may_limit(standing, membership)
    return membership


def _held(membership: Membership) -> list[dict[str, Any]]:
    return [_plain(each) for each in membership.client_roles.all()]


def _make(standing: Standing, membership: Membership, wanted: WantedSet) -> ClientRole:
    check_role(standing, wanted.role)
    return ClientRole.objects.create(
        organization_id=membership.organization_id,
        membership=membership,
        reach=wanted.reach,
        clients=[] if wanted.reach == ClientRole.Reach.ALL else sorted(set(wanted.clients)),
        role=wanted.role,
    )


def _tell(by: Actor, standing: Standing, membership: Membership, before: list[dict[str, Any]]) -> None:
    facts.publish(facts.ROLE_CHANGED, organization_id=membership.organization_id, user=membership.user_id)
    told = {"user": membership.user_id, "before": before, "after": _held(membership)}
    trail.record(by, standing, "organizations.client_roles.change", membership.pk, **told)


def _too_many() -> Invalid:
    return Invalid(f"A member has at most {MOST_SETS} sets of clients.", field="sets")


def _may_limit(standing: Standing, membership: Membership) -> None:
    if membership.role == Role.OWNER:
        raise Conflict(
            "Owners work in every client. Nothing was changed.",
            code="OWNER_NOT_LIMITED",
            hint="Give this member another role first.",
        )
    check_within_reach(standing, membership)


def _check_clients(msp: Organization, sets: Iterable[WantedSet]) -> None:
    known = set(Grant.objects.filter(current(), msp=msp).values_list("client_id", flat=True))
    for each in sets:
        _check_set(each, known)


def _check_set(wanted: WantedSet, known: set[str]) -> None:
    if wanted.reach not in ClientRole.Reach.values:
        raise Invalid(f"The reach is one of {', '.join(ClientRole.Reach.values)}.", field="reach")
    if wanted.reach == ClientRole.Reach.ALL:
        return
    if not wanted.clients:
        raise Invalid("Choose at least one client.", field="clients")
    if not set(wanted.clients) <= known:
        raise Invalid("Choose among your clients only.", field="clients")


def _plain(each: ClientRole) -> dict[str, Any]:
    return {"role": each.role, "reach": each.reach, "clients": list(each.clients)}
