"""Alerts ready to be read: plain values and marks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse

from controlplane.marks import Mark
from fleet.alerts.models import Alert, AlertEntry, Suppression
from fleet.alerts.search import ALL, ME, STATES, AlertSearch
from fleet.alerts.severity import Severity
from organizations.models import Organization

SEVERITIES = {
    "critical": Mark("failed", "circle-x", "Critical"),
    "high": Mark("failed", "triangle-alert", "High"),
    "medium": Mark("attention", "triangle-alert", "Medium"),
}
STATE_MARKS = {
    "open": Mark("attention", "bell", "Open"),
    "acknowledged": Mark("working", "eye", "Acknowledged"),
    "closed": Mark("off", "circle-check", "Closed"),
}
SUPPRESSED = Mark("off", "bell-off", "Suppressed")
DEEDS = {
    "acknowledge": "acknowledged it",
    "assign": "assigned it to",
    "close": "closed it",
    "reopen": "reopened it",
    "note": "wrote",
    "suppress": "suppressed it",
    "settle": "closed it: its cause is over",
}
LEAVES_NOTHING_OUT = {"state": (ALL,), "suppressed": ("too",)}
"""Values of a search that leave out nothing of what is to be done."""


def alert_row(alert: Alert, page_of: Organization, names: Mapping[str, str]) -> dict[str, Any]:
    """One alert of a list. Args: page_of: from whose inbox it is looked at; names: of assignees, by id."""
    return {
        "id": alert.pk,
        "title": alert.title,
        "url": reverse("fleet:alert", args=[page_of.pk, alert.pk]),
        "severity": SEVERITIES[alert.severity],
        "level": alert.level,
        "state": SUPPRESSED if alert.is_suppressed and alert.state != Alert.State.CLOSED else STATE_MARKS[alert.state],
        "rule_id": alert.rule_id,
        "kind": alert.get_kind_display(),
        "techniques": alert.techniques,
        "tactics": alert.tactics,
        "agent": alert.agent_name or alert.agent_id,
        "client": alert.organization.name,
        "tenant": alert.tenant.name,
        "count": alert.count,
        "first_at": alert.first_at,
        "last_at": alert.last_at,
        "assignee": names.get(alert.assignee, alert.assignee),
    }


def entry_row(entry: AlertEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """One line of an alert's history."""
    whom = names.get(entry.whom, entry.whom) or "nobody"
    return {
        "who": names.get(entry.by, entry.by) or "The portal",
        "deed": f"{DEEDS[entry.what]} {whom}" if entry.what == "assign" else DEEDS[entry.what],
        "text": entry.text,
        "at": entry.created_at,
    }


def suppression_row(suppression: Suppression, names: Mapping[str, str]) -> dict[str, Any]:
    """One suppression of a list."""
    own = suppression.organization
    everywhere = "All clients" if own.is_msp else f"All tenants of {own.name}"
    return {
        "id": suppression.pk,
        "rule_id": suppression.rule_id,
        "where": f"{suppression.tenant.name}, {own.name}" if suppression.tenant else everywhere,
        "agent_id": suppression.agent_id,
        "reason": suppression.reason,
        "ends_at": suppression.ends_at,
        "ended_at": suppression.ended_at,
        "by": names.get(suppression.created_by, suppression.created_by),
        "created_at": suppression.created_at,
        "is_in_force": suppression.is_in_force,
    }


def chips(form: AlertSearch) -> list[dict[str, Any]]:
    """Groups of filters in the address: of each group one is current."""
    given = form.given
    mine = given.get("assignee", "") == ME
    return [
        {"label": "State", "chips": [_chip(form, given, "state", *each) for each in STATES.items()]},
        {
            "label": "Severity",
            "chips": [_chip(form, given, "severity", *each) for each in (("", "Any"), *Severity.choices)],
        },
        {
            "label": "Also",
            "chips": [
                {"label": "Mine", "url": f"?{form.address(assignee='' if mine else ME)}", "current": mine},
                _switch(form, given, "suppressed", "only", "Suppressed"),
            ],
        },
    ]


def narrowing(form: AlertSearch) -> list[dict[str, str]]:
    """What narrows the list beside the chips, each with the address that lets it go."""
    shown = {"state", "severity", "suppressed"} | ({"assignee"} if form.given.get("assignee") == ME else set())
    return [
        {"label": f"{form.fields[name].label}: {value}", "url": f"?{form.address(**{name: ''})}"}
        for name, value in form.given.items()
        if name not in shown
    ]


def is_narrowed(form: AlertSearch) -> bool:
    """Whether a search leaves out anything that is to be done."""
    return any(value not in LEAVES_NOTHING_OUT.get(name, ()) for name, value in form.given.items())


def people_in(alerts: Iterable[Alert], entries: Sequence[AlertEntry] = ()) -> set[str]:
    """Ids of everybody who is named in alerts and their entries."""
    return {alert.assignee for alert in alerts} | {each.by for each in entries} | {each.whom for each in entries}


def _chip(form: AlertSearch, given: Mapping[str, str], name: str, value: str, label: str) -> dict[str, Any]:
    return {
        "label": label,
        "url": f"?{form.address(**{name: value})}",
        "current": given.get(name, "") == value,
        "mark": (SEVERITIES if name == "severity" else {}).get(value),
    }


def _switch(form: AlertSearch, given: Mapping[str, str], name: str, value: str, label: str) -> dict[str, Any]:
    on = given.get(name) == value
    return {"label": label, "url": f"?{form.address(**{name: '' if on else value})}", "current": on}
