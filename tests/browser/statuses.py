"""Ninety days of the platform's status: two outages, an incident that is over, maintenance ahead, and a public link."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from tenants.status import components, incidents, links, periods, subscriptions
from tenants.status.models import ComponentPeriod, StatusSubscription, TenantPeriod
from tenants.status.probes import WELL
from tests.cast import actor_for
from tests.database import all_rows

if TYPE_CHECKING:
    from tests.browser.world import World

STAFF = Actor.system("manage.py status by ada")


def add_status(world: "World") -> None:
    """What the pages of status tell."""
    now = timezone.now()
    for component in components.everything():
        _watched(component.key, now)
        periods.note(component.key, WELL, now)
    _said(now)
    tenant, by = world.fresh("Production"), actor_for(world.alice)
    with rls.acting_as(by.rls_actor):
        _, world.status_token = links.make(by=by, tenant=tenant, title="Acme monitoring")
        TenantPeriod.objects.filter(tenant=tenant, ended_at__isnull=False).delete()
        TenantPeriod.objects.filter(tenant=tenant).update(created_at=now - dt.timedelta(days=9))
        begins = now - dt.timedelta(days=30)
        for state, days in (("operational", 20), ("degraded", 1)):
            ends = begins + dt.timedelta(days=days)
            reason = "manager-1 was started anew." if state == "degraded" else ""
            times = {"created_at": begins, "ended_at": ends}
            TenantPeriod.objects.create(organization=world.acme, tenant=tenant, state=state, reason=reason, **times)
            begins = ends
    subscriptions.ask_for(by=by, tenant=tenant, email="it@acme.example")
    about = subscriptions.of_platform()
    subscriptions.ask(email="ida@example.test", about=about)
    with all_rows():
        world.subscription = StatusSubscription.objects.get(pk=subscriptions.id_of(about, "ida@example.test"))


def _watched(component: str, now: dt.datetime) -> None:
    """Sixty days of looks, with an outage of the events' door and one of the work in the background."""
    begins = now - dt.timedelta(days=60)
    outages = {"lo-events": ("down", 20), "work": ("degraded", 33)}
    state, day = outages.get(component, ("operational", 10))
    middle = begins + dt.timedelta(days=day)
    end = middle + dt.timedelta(hours=3)
    for each, since, until in ((WELL.state, begins, middle), (state, middle, end), (WELL.state, end, now)):
        seen = {"began_at": since, "seen_until": until, "newest": until == now}
        ComponentPeriod.objects.create(component=component, state=each, **seen)


def _said(now: dt.datetime) -> None:
    slow = {"title": "Event streams break off", "affects": ["lo-events"]}
    over = incidents.open_incident(by=STAFF, text="Readers are cut off after a minute. We look into it.", **slow)
    incidents.update(by=STAFF, incident_id=over.pk, state="identified", text="A limit was set too low.")
    incidents.update(by=STAFF, incident_id=over.pk, state="resolved", text="The limit is back. Nothing was lost.")
    incidents.schedule(
        by=STAFF,
        title="New disks for the portal's database",
        text="Pages can't be opened for some minutes. Agents, dashboards and events go on.",
        affects=["portal", "sign-in", "api"],
        begins_at=now + dt.timedelta(days=3),
        ends_at=now + dt.timedelta(days=3, hours=1),
    )
