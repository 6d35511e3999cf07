"""A month of Acme's tenant, and a report of it that Northwatch plans."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from fleet import tasks
from fleet.alerts.models import Alert
from fleet.reports import issuing, plans, queries, spans
from fleet.reports.models import Report, ReportPlan
from fleet.reports.parts import PARTS
from fleet.reports.plans import Terms
from organizations.actions import client_roles
from organizations.models import Membership
from tenants.enrollment.models import Agent
from tenants.metering.models import UsageHour
from tenants.protection.backups.models import Backup
from tenants.provisioning.models import Operation, Tenant
from tenants.status.models import TenantPeriod
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import (
    alice_acts,
    api,
    cell,
    edge,
    new_tenant,
    outsider,
    program_of,
    proven,
    running,
    tenant,
)

__all__ = ["alice_acts", "api", "cell", "edge", "new_tenant", "outsider", "program_of", "proven", "running", "tenant"]

HOUR = dt.timedelta(hours=1)
EVERYTHING = Terms(name="Monthly", parts=list(PARTS))


@pytest.fixture
def span():
    return spans.last_whole("monthly", "UTC", timezone.now())


@pytest.fixture
def paula_acts(paula):
    return actor_for(paula)


@pytest.fixture
def told(running, span):
    """A month of Acme's tenant: three hours down, an agent, a backup that failed, and what it used."""
    begins = span[0]
    organization = {"organization_id": running.organization_id, "tenant": running}
    with all_rows():
        Tenant.objects.filter(pk=running.pk).update(created_at=begins - HOUR)
        TenantPeriod.objects.filter(tenant=running).delete()
        Operation.objects.filter(tenant=running).update(created_at=begins + HOUR)
        middle = begins + dt.timedelta(days=10)
        times = [
            ("operational", begins, middle),
            ("down", middle, middle + 3 * HOUR),
            ("operational", middle + 3 * HOUR, None),
        ]
        for state, since, until in times:
            TenantPeriod.objects.create(**organization, state=state, created_at=since, ended_at=until)
        Agent.objects.create(**organization, number="001", name="web-1", status="active", enrolled_at=begins + HOUR)
        Backup.objects.create(**organization, kind="scheduled", state="failed", created_at=begins + HOUR)
        for agent in ("001", "002"):
            seen = {"first_at": begins + HOUR, "last_at": begins + HOUR, "title": "Failed sign-ins", "rule_id": "5712"}
            Alert.objects.create(**organization, key=f"5712:{agent}", severity="high", level=12, **seen)
        for kind, quantity in (("alerts", 7), ("alerts", 5), ("agents_active", 3), ("agents_active", 4)):
            at = begins + HOUR * (1 + UsageHour.objects.filter(kind=kind).count())
            UsageHour.objects.create(**organization, hour=at, kind=kind, quantity=quantity)
    return running


@pytest.fixture
def planned(told, msp, paula_acts):
    """A monthly report of the MSP about all of its clients."""
    return plan_for(paula_acts, msp)


def plan_for(by, organization, **more):
    with rls.acting_as(by.rls_actor):
        return plans.create(by=by, organization=organization, terms=Terms(**{**vars(EVERYTHING), **more}))


def issue(by, plan):
    with rls.acting_as(by.rls_actor):
        return issuing.issue_now(by=by, plan=plan)


def tables(figures, client="Acme"):
    (section,) = [each for each in figures["clients"] if each["name"] == client]
    return {table["part"]: table["rows"] for table in section["tables"]}


def make_due(plan, due):
    with all_rows():
        ReportPlan.objects.filter(pk=plan.pk).update(due_at=due)


def beat():
    for row in issuing.due():
        tasks.issue_reports(row["organization_id"], row["id"])


def issued(plan):
    with all_rows():
        return list(Report.objects.filter(plan=plan).order_by("begins_at"))


def stored(plan):
    with all_rows():
        return ReportPlan.objects.get(pk=plan.pk)


def limited(by, msp, person, role, *clients):
    """Somebody who administers the MSP, and has a role in some of its clients alone."""
    with rls.acting_as(by.rls_actor):
        membership = Membership.objects.get(user=person, organization=msp)
        Membership.objects.filter(pk=membership.pk).update(role="admin")
        wanted = [client_roles.WantedSet(role, "only", [each.pk for each in clients])]
        client_roles.set_client_roles(by=by, msp=msp, membership_id=membership.pk, sets=wanted)
    return actor_for(person)


def read(actor, report):
    """The figures that somebody reads of a report."""
    with rls.acting_as(actor.rls_actor):
        found = queries.report(actor, report.organization, report.pk)
        return queries.figures_for(actor, found)


def hidden(figures, client="Acme"):
    """Parts whose tables say in words that they are not shown, and hold nothing."""
    (section,) = [each for each in figures["clients"] if each["name"] == client]
    unseen = [each for each in section["tables"] if each["hidden"]]
    assert not any(each["rows"] for each in unseen)
    return [each["part"] for each in unseen]
