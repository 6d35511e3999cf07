"""
What the platform's status page tells, as plain values: page, JSON, feed and API are made of the same.

It is everybody's: nothing here asks who looks.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from tenants.provisioning.models import Cell
from tenants.status import components, periods
from tenants.status.components import Component
from tenants.status.incidents import stage_of
from tenants.status.models import ComponentPeriod, Incident

PAST = dt.timedelta(days=14)
"""For how long what is over is shown."""

Board = dict[str, Any]


def platform() -> Board:
    """Every component with its state and days, and what staff say."""
    now = timezone.now()
    rows = component_rows(components.everything(), now)
    groups: dict[str, list[Board]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return {
        "name": settings.BRAND,
        "state": worst(row["state"] for row in rows),
        "as_of": max((row["checked_at"] for row in rows if row["checked_at"]), default=None),
        "groups": [{"name": name, "components": members} for name, members in groups.items()],
        **incidents(names_of(rows), now),
    }


def of_cell(cell: Cell, now: dt.datetime) -> list[Board]:
    """The components of one edge deployment."""
    return component_rows(components.of_cell(cell), now)


def component_rows(listed: Sequence[Component], now: dt.datetime) -> list[Board]:
    """Components with what checks saw of each."""
    found: dict[str, list[ComponentPeriod]] = {each.key: [] for each in listed}
    recent = ComponentPeriod.objects.filter(component__in=found, seen_until__gte=now - periods.KEPT)
    for row in recent.order_by("began_at", "id"):
        found[row.component].append(row)
    return [_component(each, found[each.key], now) for each in listed]


def names_of(rows: Iterable[Board]) -> dict[str, str]:
    """What components are called, by their ids."""
    return {row["id"]: row["full_name"] for row in rows}


def incidents(names: Mapping[str, str], now: dt.datetime) -> Board:
    """What staff say of the named components: `open`, `ahead` (maintenance that has yet to begin) and `past`."""
    recent = Incident.objects.prefetch_related("updates").exclude(resolved_at__lt=now - PAST)
    told: Board = {"open": [], "ahead": [], "past": []}
    for each in recent:
        if set(each.components) & set(names):
            row = incident_row(each, names, now)
            told[_part_of(row)].append(row)
    return told


def incident_row(of: Incident, names: Mapping[str, str], now: dt.datetime) -> Board:
    """One incident or maintenance with what was said of it, the newest first."""
    said = [
        {"id": each.pk, "state": each.state, "text": each.text, "created_at": each.created_at}
        for each in of.updates.all()
    ]
    return {
        "id": of.pk,
        "kind": of.kind,
        "title": of.title,
        "stage": stage_of(of, now),
        "affects": [names[key] for key in of.components if key in names],
        "begins_at": of.begins_at,
        "ends_at": of.ends_at,
        "resolved_at": of.resolved_at,
        "updates": said,
    }


def worst(states: Iterable[str]) -> str:
    """Of several states the one that matters most; what nobody looked at counts before what is well."""
    found = set(states)
    ranked = ("down", "degraded", periods.UNKNOWN, "operational")
    return next((state for state in ranked if state in found), periods.UNKNOWN)


def _part_of(row: Board) -> str:
    if row["resolved_at"] is not None:
        return "past"
    return "ahead" if row["stage"] == Incident.State.SCHEDULED else "open"


def _component(of: Component, rows: Sequence[ComponentPeriod], now: dt.datetime) -> Board:
    days = periods.days_of(periods.stretches_of(rows), now.date())
    newest = rows[-1] if rows else None
    state = periods.state_now(newest, now)
    return {
        "id": of.key,
        "name": of.name,
        "full_name": of.full_name,
        "group": of.group,
        "state": state,
        "since": newest.began_at if newest and state != periods.UNKNOWN else None,
        "checked_at": newest.seen_until if newest else None,
        "up": periods.up_share(days),
        "days": [{"date": day.date, "state": day.state} for day in days],
    }
