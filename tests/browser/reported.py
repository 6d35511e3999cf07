"""A monthly report of all clients, one that was issued, and its public link."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone

from controlplane import rls
from fleet.reports import issuing, links, plans, spans
from fleet.reports.parts import PARTS
from tenants.provisioning.models import Tenant
from tests.cast import actor_for
from tests.database import all_rows

if TYPE_CHECKING:
    from tests.browser.world import World


def add_reports(world: "World") -> None:
    """What the pages of reports tell: the tenants were there before the month that is reported."""
    by = actor_for(world.paula)
    begins, _ = spans.last_whole("monthly", "Europe/Berlin", timezone.now())
    made = {tenant.pk: tenant.created_at for tenant in world.tenants.values()}
    with all_rows():
        Tenant.objects.filter(pk__in=made).update(created_at=begins - dt.timedelta(days=40))
    terms = plans.Terms(
        name="Monthly report",
        parts=list(PARTS),
        time_zone="Europe/Berlin",
        members=[world.paula.pk],
        addresses=["board@alder.example"],
    )
    with rls.acting_as(by.rls_actor):
        plans.allow_address(by=by, organization=world.msp, email="board@alder.example")
        world.report_plan = plans.create(by=by, organization=world.msp, terms=terms)
        world.report = issuing.issue_now(by=by, plan=world.report_plan)
        _, world.report_token = links.make(by=by, report=world.report, days=30)
    with all_rows():
        for tenant_id, moment in made.items():
            Tenant.objects.filter(pk=tenant_id).update(created_at=moment)
