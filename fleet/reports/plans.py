"""What people ask of reports that are to be made: plan, change, delete; and to whom they may be mailed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, FieldError, Invalid, NotFound
from fleet.reports import making, spans
from fleet.reports.models import ReportAddress, ReportPlan
from fleet.reports.parts import PARTS
from organizations import access
from organizations.actions import trail
from organizations.addresses import checked_address
from organizations.models import Membership, Organization
from tenants.provisioning.windows import zones

MOST = 50
"""Plans, and confirmed addresses, of one organization."""
MOST_CLIENTS = 500


@dataclass(frozen=True)
class Terms:
    """What is asked for. `active` says whether it is made by itself; the rest as `ReportPlan` has it."""

    name: str
    parts: Sequence[str]
    every: str = "monthly"
    time_zone: str = "UTC"
    clients: Sequence[str] = field(default_factory=list)
    members: Sequence[str] = field(default_factory=list)
    addresses: Sequence[str] = field(default_factory=list)
    active: bool = True


@transaction.atomic
def create(*, by: Actor, organization: Organization, terms: Terms) -> ReportPlan:
    """Plan a report. Raises Forbidden, Invalid naming every fault, and Conflict for a name that is taken."""
    standing = access.require(by, "report.manage", organization)
    check(by, organization, terms)
    if ReportPlan.objects.filter(organization=organization).count() >= MOST:
        raise Conflict(f"The organization has {MOST} planned reports. Nothing was made.")
    plan = ReportPlan(organization=organization, created_by=by.user_id)
    _save(by, plan, terms)
    trail.record(by, standing, "fleet.report_plan.create", plan.pk, **_told(plan))
    return plan


@transaction.atomic
def change(*, by: Actor, plan: ReportPlan, terms: Terms) -> ReportPlan:
    """Have it made otherwise from now on, as whoever changes it. Raises as `create` does."""
    standing = access.require(by, "report.manage", plan.organization_id)
    plan = locked(plan)
    check(by, plan.organization, terms)
    _save(by, plan, terms)
    trail.record(by, standing, "fleet.report_plan.change", plan.pk, **_told(plan))
    return plan


def locked(plan: ReportPlan) -> ReportPlan:
    """The plan as it is now, until the end of the transaction. Raises NotFound for one that was deleted meanwhile."""
    held = ReportPlan.objects.select_for_update(of=("self",)).select_related("organization").filter(pk=plan.pk).first()
    if held is None:
        raise NotFound("This plan was deleted meanwhile. Nothing was changed.")
    return held


@transaction.atomic
def delete(*, by: Actor, plan: ReportPlan) -> None:
    """Make it no more. Reports that were issued stay."""
    standing = access.require(by, "report.manage", plan.organization_id)
    trail.record(by, standing, "fleet.report_plan.remove", plan.pk, name=plan.name)
    plan.delete()


@transaction.atomic
def allow_address(*, by: Actor, organization: Organization, email: str) -> ReportAddress:
    """
    Let reports be mailed to somebody who is no member. Raises Invalid, Conflict, Forbidden, NotConfirmed.

    The attack: whoever may plan reports mails the figures of all clients to an address of their own. So an owner
    decides, and proves just before that it is them.
    """
    standing = access.require_own(by, "organization.manage", organization, confirmed=True)
    address = checked_address(email).lower()
    if ReportAddress.objects.filter(organization=organization).count() >= MOST:
        raise Conflict(f"{MOST} addresses are confirmed already. Nothing was kept.")
    made, new = ReportAddress.objects.get_or_create(
        organization=organization, email=address, defaults={"confirmed_by": by.user_id}
    )
    if new:
        trail.record(by, standing, "fleet.report_address.confirm", made.pk, email=address)
    return made


@transaction.atomic
def remove_address(*, by: Actor, organization: Organization, address_id: str) -> None:
    """Mail nothing there any more; plans that name it pass over it. Raises NotFound, Forbidden."""
    standing = access.require_own(by, "organization.manage", organization)
    found = ReportAddress.objects.filter(organization=organization, pk=address_id).first()
    if found is None:
        raise NotFound("There is no such address.")
    trail.record(by, standing, "fleet.report_address.remove", found.pk, email=found.email)
    found.delete()


def unsaved(organization: Organization, terms: Terms) -> ReportPlan:
    """A plan to be tried out, of which nothing is kept."""
    asked = {"clients": list(terms.clients), "parts": list(terms.parts), "every": terms.every}
    return ReportPlan(organization=organization, name=terms.name, time_zone=terms.time_zone, **asked)


def check(by: Actor, organization: Organization, terms: Terms) -> None:
    """Refuse terms that can't be had. Raises Invalid naming every fault."""
    faults = list(_faults(by, organization, terms))
    if faults:
        raise Invalid(faults[0].message, errors=faults)


def _save(by: Actor, plan: ReportPlan, terms: Terms) -> None:
    _schedule(plan, terms)
    plan.name, plan.every, plan.time_zone = terms.name.strip(), terms.every, terms.time_zone
    plan.parts = [part for part in PARTS if part in terms.parts]
    plan.clients, plan.members = sorted(set(terms.clients)), sorted(set(terms.members))
    plan.addresses = sorted({each.lower() for each in terms.addresses})
    plan.acts_as, plan.acts_with, plan.acted_from, plan.reason = by.user_id, by.key_id or "", by.address, ""
    try:
        with transaction.atomic():
            plan.save()
    except IntegrityError as error:
        raise Conflict("Another planned report has this name. Nothing was kept.", code="NAME_TAKEN") from error


def _schedule(plan: ReportPlan, terms: Terms) -> None:
    """When it is made next. A span that is over stays to be reported, however often that happens from now on."""
    now = timezone.now()
    if not terms.active:
        plan.due_at = plan.owed_from = None
    elif plan.due_at is not None and spans.is_over(plan.due_at, now):
        plan.owed_from, _ = spans.reported_at(plan.every, plan.time_zone, plan.due_at, plan.owed_from)
    else:
        plan.due_at, plan.owed_from = spans.due_after(terms.every, terms.time_zone, now), None


def _faults(by: Actor, organization: Organization, terms: Terms) -> Iterator[FieldError]:
    if not 1 <= len(terms.name.strip()) <= 80 or not terms.name.strip().isprintable():
        yield FieldError("name", "A name has 1 to 80 characters, all of them printable.")
    if not terms.parts or set(terms.parts) - set(PARTS):
        yield FieldError("parts", f"Expected some of {', '.join(PARTS)}.")
    if terms.every not in ReportPlan.Every.values:
        yield FieldError("every", f"Expected one of {', '.join(ReportPlan.Every.values)}.")
    if terms.time_zone not in zones():
        yield FieldError("time_zone", "Expected a time zone such as Europe/Berlin or UTC.")
    if len(terms.clients) > MOST_CLIENTS or set(terms.clients) - {each.pk for each in making.reached(by, organization)}:
        yield FieldError("clients", "You have no client by one of these ids.")
    belonging = Membership.objects.filter(organization=organization, user__in=terms.members, blocked_at=None)
    if belonging.count() != len(set(terms.members)):
        yield FieldError("members", "One of these people does not belong to the organization.")
    known = set(ReportAddress.objects.filter(organization=organization).values_list("email", flat=True))
    if {each.lower() for each in terms.addresses} - known:
        yield FieldError("addresses", "An owner has not confirmed one of these addresses.")


def _told(plan: ReportPlan) -> dict[str, Any]:
    listed = {"clients": plan.clients, "members": plan.members, "addresses": plan.addresses}
    return {"name": plan.name, "parts": plan.parts, "every": plan.every, **listed, "active": plan.due_at is not None}
