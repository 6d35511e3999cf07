"""Say in which of an MSP's clients a member works, and as what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations import queries
from organizations.access import require
from organizations.actions import facts, owners
from organizations.actions.members import check_role
from organizations.models import ClientRole, Grant, Membership, Organization
from organizations.permissions import Role
from organizations.roles import permissions_of_role
from organizations.standings import current

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
    standing = require(by, "member.manage", msp, confirmed=True)
    if not msp.is_msp:
        raise Conflict("Only a managed service provider has clients. Nothing was changed.", code="NOT_AN_MSP")
    wanted = list(sets)
    if len(wanted) > MOST_SETS:
        raise Invalid(f"A member has at most {MOST_SETS} sets of clients.", field="sets")
    known = set(Grant.objects.filter(current(), msp=msp).values_list("client_id", flat=True))
    for each in wanted:
        _check_clients(each, known)
    with rls.acting_as(f"org:{msp.pk}"):
        membership = owners.member_alone(msp, membership_id)
        _may_limit(membership, standing.permissions)
        for each in wanted:
            check_role(standing, each.role)
        before = [_plain(each) for each in membership.client_roles.all()]
        membership.client_roles.all().delete()
        made = [
            ClientRole.objects.create(
                organization=msp,
                membership=membership,
                reach=each.reach,
                clients=[] if each.reach == ClientRole.Reach.ALL else sorted(set(each.clients)),
                role=each.role,
            )
            for each in wanted
        ]
        facts.publish(
            facts.ROLE_CHANGED,
            organization_id=msp.pk,
            organizations=queries.reach_of(msp),
            user=membership.user_id,
        )
        audit.record(
            by=by,
            action="organizations.client_roles.change",
            organization_id=msp.pk,
            target=membership.pk,
            data={"user": membership.user_id, "before": before, "after": [_plain(each) for each in made]},
            grant_id=standing.grant_id,
        )
    return made


def _may_limit(membership: Membership, own: frozenset[str]) -> None:
    if membership.role == Role.OWNER:
        raise Conflict(
            "Owners work in every client. Nothing was changed.",
            code="OWNER_NOT_LIMITED",
            hint="Give this member another role first.",
        )
    if not permissions_of_role(membership.organization_id, membership.role) <= own:
        raise Forbidden("This member's role can do more than yours. Nothing was changed.")


def _check_clients(wanted: WantedSet, known: set[str]) -> None:
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
