"""What people do with alerts: one at a time or many of many clients at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound, Problem
from fleet.alerts import facts, queries
from fleet.alerts.models import Alert, AlertEntry
from organizations import access
from organizations.actions import trail
from organizations.models import Membership, Organization
from tenants.provisioning.models import Tenant

MOST = 200
LONGEST_NOTE = 4000
MISSING = NotFound("There is no such alert here.")


@dataclass(frozen=True)
class Refusal:
    """An alert that stayed as it was, or that is not there, and why."""

    alert_id: str
    problem: Problem


@dataclass(frozen=True)
class Handled:
    """What became of several alerts."""

    changed: Sequence[Alert]
    refused: Sequence[Refusal]


def _acknowledge(alert: Alert, assignee: str) -> str:
    if alert.state != Alert.State.OPEN:
        return f"It is {alert.get_state_display().lower()} already."
    alert.state = Alert.State.ACKNOWLEDGED
    return ""


def _close(alert: Alert, assignee: str) -> str:
    if alert.state == Alert.State.CLOSED:
        return "It is closed already."
    alert.state, alert.closed_at = Alert.State.CLOSED, timezone.now()
    return ""


def _reopen(alert: Alert, assignee: str) -> str:
    if alert.state != Alert.State.CLOSED:
        return f"It is {alert.get_state_display().lower()}: only a closed alert can be reopened."
    if alert.kind != Alert.Kind.RULE and not alert.stands:
        return "What it was raised for is over. Should it come again, that is an alert of its own."
    same = Alert.objects.filter(tenant=alert.tenant_id, kind=alert.kind, key=alert.key, state__in=Alert.TO_DO)
    if same.exists():
        return "The same trouble has come again since, and is an alert of its own now."
    alert.state, alert.closed_at = Alert.State.OPEN, None
    return ""


def _assign(alert: Alert, assignee: str) -> str:
    if alert.assignee == assignee:
        return "It is assigned like that already."
    alert.assignee = assignee
    return ""


FACTS = {"acknowledge": facts.ACKNOWLEDGED, "close": facts.CLOSED}
ACTS: dict[str, Callable[[Alert, str], str]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "close": _close,
    "reopen": _reopen,
}
"""What can be done with several alerts; each changes one, or says why not."""


@transaction.atomic
def handle(
    *,
    by: Actor,
    organization: Organization,
    alert_ids: Sequence[str],
    act: str,
    assignee: str = "",
    note: str = "",
) -> Handled:
    """
    Do the same with one or several alerts of an organization or, where it is an MSP, of its clients.

    Each takes or refuses it by itself. An MSP's person need not work in each client first: whoever asks was shown every
    alert with its client.

    Args: act: one of `ACTS`; assignee: whom to assign to, a member of `organization`, or nobody; note: why.
    Raises Invalid for no alert or too many, where none of them is there, and for a stranger as assignee; Conflict where
    none takes it; Forbidden.
    """
    access.require(by, "alert.handle", organization)
    if not 1 <= len(alert_ids) <= MOST:
        raise Invalid(f"Choose 1 to {MOST} alerts. Nothing was changed.", field="alerts")
    if act == "assign" and assignee:
        _require_member(organization, assignee)
    alerts = _held(queries.found_among(by, organization, alert_ids), act)
    if not alerts:
        raise Invalid("There is no such alert here. Nothing was changed.", field="alerts")
    refused = [refusal for alert in alerts if (refusal := _try(by, alert, act, assignee, note))]
    refused += [Refusal(each, MISSING) for each in sorted({*alert_ids} - {alert.pk for alert in alerts})]
    kept = {refusal.alert_id for refusal in refused}
    changed = [alert for alert in alerts if alert.pk not in kept]
    if not changed:
        raise _none_takes_it(refused)
    _tell(by, changed, act, assignee)
    return Handled(changed, refused)


@transaction.atomic
def add_note(*, by: Actor, alert: Alert, text: str) -> AlertEntry:
    """Write something to an alert, of whatever state. Raises Invalid for nothing, Forbidden."""
    standing = access.require(access.working_in(by, alert.organization_id), "alert.handle", alert.organization_id)
    words = text.strip()
    if not 1 <= len(words) <= LONGEST_NOTE:
        raise Invalid(f"A note has 1 to {LONGEST_NOTE:,} characters. Nothing was saved.", field="text")
    trail.record(by, standing, "fleet.alert.note", alert.pk, title=alert.title, tenant=alert.tenant_id)
    return _entry(by, alert, "note", text=words)


def _held(found: QuerySet[Alert], act: str) -> list[Alert]:
    """
    The alerts, locked in one order by everybody, so that no two wait for each other.

    Of what may be raised anew at this moment, the tenants are locked before them, as whoever raises alerts does.
    """
    if act == "reopen":
        tenants = Tenant.objects.filter(pk__in=found.values("tenant"))
        list(tenants.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return list(found.select_for_update(of=("self",)).order_by("pk"))


def _try(by: Actor, alert: Alert, act: str, assignee: str, note: str) -> Refusal | None:
    try:
        access.require(access.working_in(by, alert.organization_id), "alert.handle", alert.organization_id)
    except Problem as problem:
        return Refusal(alert.pk, problem)
    why_not = ACTS[act](alert, assignee)
    if why_not:
        return Refusal(alert.pk, Conflict(why_not, code="ALERT_STATE"))
    alert.save(update_fields=["state", "closed_at", "assignee"])
    _entry(by, alert, act, whom=assignee if act == "assign" else "", text=note.strip()[:LONGEST_NOTE])
    return None


def _entry(by: Actor, alert: Alert, what: str, **more: str) -> AlertEntry:
    return AlertEntry.objects.create(
        organization_id=alert.organization_id, alert=alert, what=what, by=by.user_id, **more
    )


def _tell(by: Actor, alerts: Sequence[Alert], act: str, assignee: str) -> None:
    """One entry in each organization's trail, however many of its alerts there are."""
    for organization_id, some in facts.by_organization(alerts).items():
        standing = access.require(access.working_in(by, organization_id), "alert.handle", organization_id)
        told: dict[str, Any] = {"title": some[0].title} if len(some) == 1 else {"alerts": [each.pk for each in some]}
        to = {"assignee": assignee or "nobody"} if act == "assign" else {}
        target = some[0].pk if len(some) == 1 else organization_id
        trail.record(by, standing, f"fleet.alert.{act}", target, count=len(some), **told, **to)
        if act in FACTS:
            facts.tell(FACTS[act], some)


def _require_member(organization: Organization, user_id: str) -> None:
    members = Membership.objects.filter(organization=organization, user=user_id, blocked_at=None)
    if not members.exists():
        raise Invalid("Alerts are assigned to members of this organization. Nothing was changed.", field="assignee")


def _none_takes_it(refused: Sequence[Refusal]) -> Problem:
    if len(refused) == 1:
        return refused[0].problem
    why = " ".join(sorted({refusal.problem.detail for refusal in refused}))
    return Conflict(f"Nothing was changed. {why}"[:1000], code="ALERT_STATE")
