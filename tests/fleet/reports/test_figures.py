"""Figures of a report: each from rows, what is not known said so, frozen once issued."""

import datetime as dt

import pytest

from controlplane import rls
from fleet.reports import files, making, spans
from fleet.reports.models import Report
from fleet.reports.parts import PARTS
from tenants.enrollment.models import Agent
from tenants.metering.models import UsageHour
from tenants.provisioning.models import Operation, Tenant
from tenants.status.models import TenantPeriod
from tests.database import all_rows
from tests.fleet.reports.conftest import HOUR, issue, plan_for, tables

pytestmark = pytest.mark.django_db


def test_each_figure_comes_from_rows_and_what_is_not_known_is_said_so(told, msp, paula_acts, span):
    found = tables(figures_of(paula_acts, msp, span, list(PARTS)))
    hours = (span[1] - span[0]).total_seconds() / 3600
    assert found["summary"][0][:3] == ["Office", "Running", "4.14.7"]
    assert found["agents"] == [["Office", 1, 1, 1, 0, 0, 0]]
    assert found["alerts"] == [["Office", 0, 2, 0, 0]]
    assert found["rules"] == [["5712", "Failed sign-ins", 12, 2]]
    assert found["operations"] == [["Office", "Create tenant", 1, 1, 0, 0]]
    assert found["availability"] == [["Office", round(100 * (hours - 3) / hours, 3), 0.0, 3.0, 0.0, 100.0]]
    assert found["backups"] == [["Office", 0, 1, None]]
    assert found["certificates"][0][0] == "Office"
    assert found["usage"] == [["Office", "Most agents connected", 4.0], ["Office", "Alerts", 12.0]]


def test_of_a_tenant_of_which_nothing_was_told_availability_is_not_known(told, msp, paula_acts, span):
    with all_rows():
        TenantPeriod.objects.all().delete()
    found = tables(figures_of(paula_acts, msp, span, ["availability"]))
    assert found["availability"] == [["Office", None, None, None, None, 0.0]]


def test_what_was_issued_is_frozen_whatever_becomes_of_the_rows(planned, paula_acts):
    report = issue(paula_acts, planned)
    with all_rows():
        Agent.objects.all().delete()
        fresh = Report.objects.get(pk=report.pk)
    assert tables(fresh.figures)["agents"] == [["Office", 1, 1, 1, 0, 0, 0]]


def test_an_organization_reports_of_itself(told, acme, alice_acts):
    plan = plan_for(alice_acts, acme, parts=["summary"])
    report = issue(alice_acts, plan)
    assert [each["name"] for each in report.figures["clients"]] == ["Acme"]


def test_tenants_of_the_same_name_are_told_apart(told, new_tenant, msp, paula_acts, span):
    other, _ = new_tenant("Spare")
    with all_rows():
        Tenant.objects.filter(pk=other.pk).update(name="Office", created_at=span[0], deleted_at=span[1])
        Operation.objects.filter(tenant=other).update(created_at=span[0] + HOUR)
        organization = {"organization_id": other.organization_id, "tenant": other}
        UsageHour.objects.create(**organization, hour=span[0] + HOUR, kind="alerts", quantity=100)
    found = tables(figures_of(paula_acts, msp, span, ["operations", "usage"]))
    assert [row[:3] for row in found["operations"]] == [["Office", "Create tenant", 1]] * 2
    assert sorted(row[2] for row in found["usage"] if row[1] == "Alerts") == [12.0, 100.0]


def test_a_table_keeps_so_many_rows_and_says_how_many_more_there_were(told, msp, paula_acts, span, monkeypatch):
    monkeypatch.setattr(making, "MOST_ROWS", 1)
    made = figures_of(paula_acts, msp, span, ["usage", "summary"])
    kept = {table["part"]: (len(table["rows"]), table["left_out"]) for table in made["clients"][0]["tables"]}
    assert kept == {"usage": (1, 1), "summary": (1, 0)}
    text = files.as_csv(made, "Monthly").decode()
    assert text.count("1 more rows are left out") == 1


def test_moments_are_those_of_the_plans_zone(told, msp, paula_acts):
    span = spans.around("monthly", "Asia/Tokyo", dt.datetime(2026, 9, 15, tzinfo=dt.UTC))
    with all_rows():
        made_at = dt.datetime(2026, 8, 31, 20, tzinfo=dt.UTC)
        Tenant.objects.filter(pk=told.pk).update(created_at=made_at)
    made = figures_of(paula_acts, msp, span, ["summary"], zone="Asia/Tokyo")
    assert tables(made)["summary"][0][3] == "2026-09-01 05:00"
    assert files.about(made).startswith("1 Sep 2026, 00:00 to 1 Oct 2026, 00:00, made ")
    assert "Times are of Asia/Tokyo" in files.about(made)


def figures_of(actor, msp, span, parts, zone="UTC"):
    with rls.acting_as(actor.rls_actor):
        return making.figures(actor, msp, clients=[], parts=parts, span=span, zone=zone)
