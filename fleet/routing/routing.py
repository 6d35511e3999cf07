"""Turns what happens to alerts into notices: for each destination that a route leads to, one an alert."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from controlplane import outbox, rls
from controlplane.celery import wake_on_commit
from controlplane.models import Message
from fleet.alerts import facts
from fleet.alerts.models import Alert
from fleet.alerts.severity import at_least
from fleet.routing.kinds import KINDS
from fleet.routing.models import Notice, Route
from organizations.models import Grant
from organizations.permissions import roles_with
from organizations.standings import current
from tenants.provisioning.wakeups import INTERACTIVE

MOST_AT_ONCE = 20
"""Of more alerts that are raised at once, a destination is told the gravest one by one and of the rest how many."""

CEILINGS = roles_with("events.read")
"""Of a grant under which an MSP is told of a client's alerts: it reads them anyway."""

WHAT = {
    facts.RAISED: Notice.What.RAISED,
    facts.ACKNOWLEDGED: Notice.What.ACKNOWLEDGED,
    facts.CLOSED: Notice.What.CLOSED,
}
type Way = Mapping[str, Any]
"""A route as the narrow function tells it."""


@outbox.subscriber(*WHAT)
def route(message: Message) -> None:
    """Write a notice for each destination that is to be told; the caller acts as the alerts' organization."""
    rows = Alert.objects.filter(pk__in=message.payload["alerts"]).select_related("organization", "tenant")
    alerts = sorted(rows, key=lambda alert: (-alert.level, alert.pk))
    what = WHAT[message.topic]
    for ways in _by_destination(_ways(message.organization_id)).values():
        if what not in KINDS[ways[0]["kind"]].tells:
            continue
        fitting = [alert for alert in alerts if any(leads(way, alert) for way in ways)]
        if fitting:
            _write(ways[0], what, fitting, message)


def leads(way: Way, alert: Alert) -> bool:
    """Whether a route tells its destination of an alert."""
    grave = alert.severity in at_least(way["severity"])
    of_kind = not way["kinds"] or alert.kind in way["kinds"]
    return grave and of_kind and (not way["clients"] or alert.organization_id in way["clients"])


def content_of(alert: Alert, what: str, organization_id: str) -> dict[str, Any]:
    """What there is to say of an alert, nothing of a log among it. Args: organization_id: who is told."""
    return {
        "what": what,
        "alert": alert.pk,
        "key": f"garrison-{alert.pk}",
        "title": alert.title,
        "severity": alert.severity,
        "kind": alert.kind,
        "client": alert.organization.name,
        "tenant": alert.tenant.name,
        "agent": alert.agent_name,
        "rule": alert.rule_id,
        "at": alert.last_at.isoformat(timespec="seconds"),
        "link": link("fleet:alert", organization_id, alert.pk),
    }


def link(name: str, *arguments: str) -> str:
    """The whole address of a page."""
    return f"{settings.BASE_URL}{reverse(name, args=arguments)}"


def wake_sending(notice: Notice) -> None:
    """Have a notice sent once this transaction has committed."""
    from fleet.routing.tasks import send_notice  # here, because the task calls what is sent

    wake_on_commit(send_notice, notice.organization_id, notice.pk, queue=INTERACTIVE)


def _write(way: Way, what: Notice.What, alerts: Sequence[Alert], message: Message) -> None:
    organization_id, destination_id = way["organization_id"], way["destination_id"]
    with rls.acting_as(f"org:{organization_id}"):
        told = Notice.objects.filter(destination=destination_id, alert_id__in=[alert.pk for alert in alerts])
        if what == Notice.What.RAISED:
            # What this very fact wrote before counts among those it tells of, so that the rest is the same rest again.
            before = _of(told.filter(what=what, created_at__lt=message.created_at))
            alerts = [alert for alert in alerts if alert.pk not in before]
            _write_many(organization_id, destination_id, alerts[MOST_AT_ONCE:], message)
            alerts = alerts[:MOST_AT_ONCE]
        else:
            # Who was not told that it was raised has nothing to be told of its end.
            raised = _of(told.filter(what=Notice.What.RAISED).exclude(state=Notice.State.FAILED))
            alerts = [alert for alert in alerts if alert.pk in raised]
        known = _of(told.filter(what=what))
        for alert in alerts:
            if alert.pk not in known:
                write(organization_id, destination_id, what, content_of(alert, what, organization_id))


def _of(notices: QuerySet[Notice]) -> set[str]:
    return set(notices.values_list("alert_id", flat=True))


def _write_many(organization_id: str, destination_id: str, alerts: Sequence[Alert], message: Message) -> None:
    """One notice for all of them, led by one that led none before; a fact that is delivered twice tells it once."""
    same = Notice.objects.filter(destination=destination_id, what=Notice.What.MANY, alert_id__in=[a.pk for a in alerts])
    led = _of(same)
    leader = next((alert for alert in alerts if alert.pk not in led), None)
    if leader is None or same.filter(created_at__gte=message.created_at).exists():
        return
    content = {
        **content_of(leader, Notice.What.MANY, organization_id),
        **{"key": "", "agent": "", "rule": "", "tenant": ""},
        "title": f"{len(alerts)} more alerts were raised at once",
        "link": link("fleet:alerts", organization_id),
    }
    write(organization_id, destination_id, Notice.What.MANY, content)


def write(organization_id: str, destination_id: str, what: Notice.What, content: Mapping[str, Any]) -> Notice:
    """Part of a transaction as the organization that is told: one notice, to be sent at once."""
    notice = Notice(
        organization_id=organization_id,
        destination_id=destination_id,
        alert_id=content["alert"],
        what=what,
        next_attempt_at=timezone.now(),
    )
    notice.content = {**content, "notice": notice.pk, "key": content["key"] or f"garrison-{notice.pk}"}
    notice.save(force_insert=True)
    wake_sending(notice)
    return notice


def _by_destination(ways: Sequence[Way]) -> dict[str, list[Way]]:
    found: dict[str, list[Way]] = {}
    for way in ways:
        found.setdefault(way["destination_id"], []).append(way)
    return found


def _ways(organization_id: str) -> list[Way]:
    """
    Routes that alerts of an organization may take: its own, and those of its providers.

    Row-level security shows a client nothing of its provider, so a narrow function answers this one question.
    """
    rows: list[Way] = rls.call("alert_routes_of", organization_id, otherwise=lambda: _ways_on_sqlite(organization_id))
    return [{**row, **{name: json.loads(row[name]) for name in ("kinds", "clients")}} for row in rows]


def _ways_on_sqlite(organization_id: str) -> list[Way]:
    msps = Grant.objects.filter(current(), client_id=organization_id, role_ceiling__in=CEILINGS).values("msp_id")
    routes = Route.objects.filter(Q(organization=organization_id) | Q(organization__in=msps))
    return [
        {
            **{"organization_id": each.organization_id, "destination_id": each.destination_id},
            **{"kind": each.destination.kind, "severity": each.severity},
            **{"kinds": json.dumps(each.kinds), "clients": json.dumps(each.clients)},
        }
        for each in routes.filter(destination__removed_at=None).select_related("destination").order_by("pk")
    ]
