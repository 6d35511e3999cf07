"""
What is told of one tenant's status, as plain values, without anything of what it is made of.

Whoever calls has found the tenant as who is asking, or by a public link, and acts as its organization.
"""

import datetime as dt
from typing import Any

from django.utils import timezone

from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.windows import Window
from tenants.status import board, periods
from tenants.status.models import TenantPeriod
from tenants.status.tenant_periods import state_of

State = TenantPeriod.State

FEED = 50
"""Changes of state that are listed."""
UP = (State.OPERATIONAL, State.RESTING)
COUNTED = (*UP, State.DEGRADED, State.DOWN, State.CHANGING)
"""States that availability is reckoned from: a tenant that its people stopped is neither up nor down."""


def of(tenant: Tenant, title: str) -> board.Board:
    """One tenant's state, days, changes of state, and what is planned. Args: title: what it is called here."""
    now = timezone.now()
    rows, around = recent(tenant, now), board.of_cell(tenant.cell, now)
    days = periods.days_of([_stretch(each, now) for each in rows], now.date())
    state = state_of(tenant)
    return {
        "name": title,
        "state": state,
        "since": rows[-1].created_at if rows and rows[-1].state == state else None,
        "told_at": tenant.told_at,
        "is_reached": any(
            each["id"] == f"{tenant.cell_id}-changes" and each["state"] == "operational" for each in around
        ),
        "up": periods.up_share([_counted(day) for day in days], UP),
        "days": [{"date": day.date, "state": day.state} for day in days],
        "edge": [{name: each[name] for name in ("id", "name", "state", "since")} for each in around],
        "planned": planned(tenant, now),
        "changes": [_change(each) for each in reversed(rows[-FEED:])],
        **board.incidents(board.names_of(around), now),
    }


def recent(tenant: Tenant, now: dt.datetime) -> list[TenantPeriod]:
    """Its periods within the history that is shown, the oldest first."""
    found = TenantPeriod.objects.filter(tenant=tenant).exclude(ended_at__lt=now - periods.KEPT)
    return list(found.order_by("created_at", "id"))


def planned(tenant: Tenant, now: dt.datetime) -> list[dict[str, Any]]:
    """When its nodes may restart: what is scheduled already, and the next maintenance window."""
    scheduled = Operation.objects.filter(tenant=tenant, state=Operation.State.SCHEDULED).order_by("scheduled_for")
    times = [
        {"begins_at": each.scheduled_for, "ends_at": each.window_ends_at, "is_certain": True} for each in scheduled
    ]
    if tenant.maintenance_window and not times:
        begins, ends = Window.read(tenant.maintenance_window).next_after(now)
        times.append({"begins_at": begins, "ends_at": ends, "is_certain": False})
    return times


def _stretch(period: TenantPeriod, now: dt.datetime) -> periods.Stretch:
    return periods.Stretch(period.state, period.created_at, period.ended_at or now)


def _counted(day: periods.Day) -> periods.Day:
    seconds = {state: held for state, held in day.seconds.items() if state in COUNTED}
    return periods.Day(day.date, day.state, seconds)


def _change(period: TenantPeriod) -> dict[str, Any]:
    return {"id": period.pk, "state": period.state, "began_at": period.created_at, "ended_at": period.ended_at}
