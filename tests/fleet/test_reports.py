"""Reports of an MSP's clients: figures from rows, frozen; schedules; mails; public links that end; nobody sees more."""

import csv
import datetime as dt
import io
import re

import pytest
from django.core import mail as django_mail
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from fleet import tasks
from fleet.alerts.models import Alert
from fleet.reports import files, issuing, links, making, plans, queries, spans
from fleet.reports.models import Report, ReportLink, ReportPlan
from fleet.reports.parts import PARTS
from fleet.reports.plans import Terms
from organizations.actions import client_roles, grants
from organizations.models import Grant, Membership
from tenants.enrollment.models import Agent
from tenants.metering.models import UsageHour
from tenants.protection.backups.models import Backup
from tenants.provisioning.models import Operation, Tenant
from tenants.status.models import TenantPeriod
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.tenants.conftest import (
    alice_acts,
    api,
    cell,
    deliver,
    edge,
    new_tenant,
    outsider,
    program_of,
    running,
    tenant,
)

__all__ = ["alice_acts", "api", "cell", "edge", "new_tenant", "outsider", "program_of", "running", "tenant"]

pytestmark = pytest.mark.django_db

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


def test_each_figure_comes_from_rows_and_what_is_not_known_is_said_so(told, msp, paula_acts, span):
    with rls.acting_as(paula_acts.rls_actor):
        asked = {"clients": [], "parts": list(PARTS), "span": span, "zone": "UTC"}
        found = tables(making.figures(paula_acts, msp, **asked))
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
    with rls.acting_as(paula_acts.rls_actor):
        asked = {"clients": [], "parts": ["availability"], "span": span, "zone": "UTC"}
        found = tables(making.figures(paula_acts, msp, **asked))
    assert found["availability"] == [["Office", None, None, None, None, 0.0]]


def test_what_was_issued_is_frozen_whatever_becomes_of_the_rows(planned, paula_acts):
    report = issue(paula_acts, planned)
    with all_rows():
        Agent.objects.all().delete()
        fresh = Report.objects.get(pk=report.pk)
    assert tables(fresh.figures)["agents"] == [["Office", 1, 1, 1, 0, 0, 0]]


def test_a_span_is_issued_once_however_often_somebody_presses(planned, paula_acts):
    issue(paula_acts, planned)
    with pytest.raises(Conflict) as refused:
        issue(paula_acts, planned)
    assert refused.value.code == "ALREADY_ISSUED"
    assert len(issued(planned)) == 1


def test_missed_months_are_made_up_once_each_and_the_next_one_is_awaited(planned):
    now = timezone.now()
    begins, _ = spans.last_whole("monthly", "UTC", now)
    before = spans.around("monthly", "UTC", begins - HOUR)
    make_due(planned, before[1] + spans.AFTER)
    beat()
    beat()
    expected = [
        each for each in (before, (begins, spans.around("monthly", "UTC", begins)[1])) if each[1] + spans.AFTER <= now
    ]
    assert [(each.begins_at, each.ends_at) for each in issued(planned)] == expected
    assert stored(planned).due_at > now


def test_a_look_that_comes_twice_issues_nothing_twice(planned, paula_acts, span):
    issue(paula_acts, planned)
    make_due(planned, span[1] + spans.AFTER)
    beat()
    assert len(issued(planned)) == 1


def test_nothing_is_made_by_itself_before_it_is_due_or_where_it_is_switched_off(told, msp, paula_acts):
    plan = plan_for(paula_acts, msp, active=False)
    assert plan.due_at is None
    plan_for(paula_acts, msp, name="Weekly", every="weekly")
    beat()
    with all_rows():
        assert not Report.objects.exists()


def test_of_a_client_whose_leave_has_ended_nothing_is_told(planned, msp, alice, paula, alice_acts, span):
    found_client(msp, paula, alice, "Birch")
    with rls.acting_as(alice_acts.rls_actor):
        grants.withdraw(by=alice_acts, grant=Grant.objects.get(client__name="Acme"))
    make_due(planned, span[1] + spans.AFTER)
    beat()
    (report,) = issued(planned)
    assert "Office" not in str(report.figures)
    assert "Acme" not in str(report.figures)


def test_who_may_plan_no_more_has_nothing_made_and_the_others_are_told_once(told, msp, paula, maria, span):
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="admin")
    plan = plan_for(actor_for(maria), msp)
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="viewer")
    make_due(plan, span[1] + spans.AFTER)
    beat()
    make_due(plan, span[1] + spans.AFTER)
    beat()
    deliver()
    assert issued(plan) == []
    assert "report.manage" in stored(plan).reason
    failed = [each for each in django_mail.outbox if each.subject == "The report Monthly could not be made"]
    assert [each.to for each in failed] == [[paula.email]]


def test_members_get_a_mail_to_the_page_and_confirmed_addresses_a_link_that_ends(told, msp, paula_acts, paula):
    with rls.acting_as(paula_acts.rls_actor):
        plans.allow_address(by=paula_acts, organization=msp, email="Board@acme.example")
    plan = plan_for(paula_acts, msp, members=[paula.pk], addresses=["board@acme.example"])
    report = issue(paula_acts, plan)
    deliver()
    by_address = {each.to[0]: each for each in django_mail.outbox}
    assert f"/o/{msp.pk}/reports/{report.pk}/" in by_address[paula.email].body
    path = re.search(r"\]\(http://testserver(/reports/\S+/)\)", by_address["board@acme.example"].body)[1]
    assert Client().get(path).status_code == 200
    with all_rows():
        (link,) = ReportLink.objects.all()
    assert (link.sent_to, link.expires_at - link.created_at > dt.timedelta(days=29)) == ("board@acme.example", True)


def test_nothing_is_mailed_to_an_address_that_no_owner_confirmed_or_one_that_was_removed(told, msp, paula_acts):
    with pytest.raises(Invalid) as refused:
        plan_for(paula_acts, msp, addresses=["mallory@example.test"])
    assert refused.value.field == "addresses"
    with rls.acting_as(paula_acts.rls_actor):
        address = plans.allow_address(by=paula_acts, organization=msp, email="board@acme.example")
    plan = plan_for(paula_acts, msp, addresses=["board@acme.example"])
    with rls.acting_as(paula_acts.rls_actor):
        plans.remove_address(by=paula_acts, organization=msp, address_id=address.pk)
    issue(paula_acts, plan)
    deliver()
    assert not [each for each in django_mail.outbox if each.to == ["board@acme.example"]]


def test_only_an_owner_confirms_addresses(msp, maria):
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="admin")
    acting = actor_for(maria)
    with rls.acting_as(acting.rls_actor), pytest.raises(Forbidden):
        plans.allow_address(by=acting, organization=msp, email="a@example.test")


def test_whoever_only_operates_plans_nothing_and_reads(planned, msp, maria, paula_acts):
    report = issue(paula_acts, planned)
    operating = actor_for(maria)
    with rls.acting_as(operating.rls_actor):
        for act in (
            lambda: plans.create(by=operating, organization=msp, terms=EVERYTHING),
            lambda: plans.change(by=operating, plan=planned, terms=EVERYTHING),
            lambda: plans.delete(by=operating, plan=planned),
            lambda: issuing.issue_now(by=operating, plan=planned),
            lambda: links.make(by=operating, report=report, days=1),
        ):
            with pytest.raises(Forbidden):
                act()
        assert queries.report(operating, msp, report.pk) == report


def test_a_reader_with_a_set_of_clients_reads_of_those_alone(planned, msp, maria, paula, alice, paula_acts):
    birch = found_client(msp, paula, alice, "Birch")
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        membership = Membership.objects.get(user=maria, organization=msp)
        wanted = [client_roles.WantedSet("operator", "only", [birch.pk])]
        client_roles.set_client_roles(by=paula_acts, msp=msp, membership_id=membership.pk, sets=wanted)
    reading = actor_for(maria)
    with rls.acting_as(reading.rls_actor):
        shown = queries.figures_for(reading, queries.report(reading, msp, report.pk))
    assert "Acme" not in str(shown)
    assert "Office" not in str(shown)


def test_a_public_link_ends_is_counted_and_stands_in_the_trail(planned, msp, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        link, token = links.make(by=paula_acts, report=report, days=30)
    visitor = Client()
    page = visitor.get(f"/reports/{token}/")
    assert "Office" in page.content.decode()
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex, nofollow", "same-origin")
    assert "no-store" in page["Cache-Control"]
    for form in ("pdf", "csv"):
        assert visitor.post(f"/reports/{token}/{form}/").status_code == 200
    assert visitor.post(f"/reports/{token}/exe/").status_code == 404
    with rls.acting_as(f"org:{msp.pk}"):
        assert ReportLink.objects.get(pk=link.pk).downloads == 2
        assert AuditEntry.objects.filter(action="fleet.report_link.download", target=link.pk).count() == 2
        ReportLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - HOUR)
    assert visitor.get(f"/reports/{token}/").status_code == 404
    assert visitor.post(f"/reports/{token}/pdf/").status_code == 404


def test_a_revoked_link_opens_nothing_and_its_token_is_kept_nowhere(planned, msp, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        link, token = links.make(by=paula_acts, report=report, days=90)
        with all_rows():
            assert token not in str(list(ReportLink.objects.values()))
        links.revoke(by=paula_acts, report=report, link_id=link.pk)
        with pytest.raises(Invalid):
            links.make(by=paula_acts, report=report, days=91)
    with pytest.raises(NotFound):
        links.open_by(token)


def test_who_does_not_see_every_client_makes_no_link(planned, msp, maria, paula, alice, paula_acts):
    birch = found_client(msp, paula, alice, "Birch")
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        membership = Membership.objects.get(user=maria, organization=msp)
        Membership.objects.filter(pk=membership.pk).update(role="admin")
        wanted = [client_roles.WantedSet("operator", "only", [birch.pk])]
        client_roles.set_client_roles(by=paula_acts, msp=msp, membership_id=membership.pk, sets=wanted)
    limited = actor_for(maria)
    with rls.acting_as(limited.rls_actor), pytest.raises(Forbidden):
        links.make(by=limited, report=report, days=1)


def test_a_spreadsheet_runs_nothing_that_a_name_says(planned, paula_acts):
    with all_rows():
        Tenant.objects.all().update(name="=HYPERLINK(1)")
    report = issue(paula_acts, planned)
    text = files.as_csv(report.figures, report.name).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert ["Acme", "Backups", "'=HYPERLINK(1)", "0", "1", "not known"] in rows
    assert not [cell for row in rows for cell in row if cell.startswith("=")]


def test_a_pdf_says_its_title_language_and_maker_and_holds_names_of_every_latin_script(planned, paula_acts, msp):
    with all_rows():
        Tenant.objects.all().update(name="Gdańsk <b>&")
    report = issue(paula_acts, planned)
    made = files.as_pdf(report.figures, report.name)
    assert made.startswith(b"%PDF-")
    assert b"/Lang" in made
    assert b"/DisplayDocTitle true" in made
    assert files.title_of(report.figures, report.name).encode() in made
    assert f"/Author ({msp.name})".encode() in made
    assert {b"Inter-Regular", b"Inter-SemiBold"} <= set(re.findall(rb"/BaseFont /\w+\+([\w-]+)", made))


def test_pages_show_plan_issue_and_file(planned, paula, msp):
    browser = session_of(paula)
    listing = browser.get(f"/o/{msp.pk}/reports/").content.decode()
    assert "Monthly" in listing
    asked = {"name": "Weekly", "parts": ["summary"], "every": "weekly", "time_zone": "UTC", "active": "on"}
    preview = browser.post(f"/o/{msp.pk}/reports/new/", {**asked, "preview": "1"})
    assert "Office" in preview.content.decode()
    with all_rows():
        assert ReportPlan.objects.count() == 1
    assert browser.post(f"/o/{msp.pk}/reports/new/", asked).status_code == 302
    assert browser.post(f"/o/{msp.pk}/reports/new/", {**asked, "time_zone": "Moon"}).status_code == 422
    gone = browser.post(f"/o/{msp.pk}/reports/plans/{planned.pk}/issue/")
    page = browser.get(gone["Location"]).content.decode()
    assert "not known" in page
    pdf = browser.post(f"{gone['Location']}pdf/")
    assert pdf["Content-Type"] == "application/pdf"
    shown = browser.post(f"{gone['Location']}links/", {"days": "7"}).content.decode()
    token = re.search(r"/reports/(rlk_\w+)/", shown)[1]
    assert Client().get(f"/reports/{token}/").status_code == 200


def test_programs_do_the_same(planned, msp, paula, program_of, outsider):
    program = program_of(paula, msp)
    base = f"organizations/{msp.pk}"
    terms = {"name": "Weekly", "parts": ["summary", "usage"], "every": "weekly"}
    foreseen = program.post(f"{base}/report-plans?validate_only=true", terms).json()
    assert [each["name"] for each in foreseen["clients"]] == ["Acme"]
    plan = program.post(f"{base}/report-plans", terms)
    assert plan.status_code == 201
    wrong = program.post(f"{base}/report-plans", {**terms, "clients": ["org_nothing"], "time_zone": "Moon"})
    assert {each["field"] for each in wrong.json()["errors"]} == {"clients", "time_zone"}
    one = f"{base}/report-plans/{plan.json()['id']}"
    assert program.send("PUT", one, {**terms, "active": False}).json()["active"] is False
    report = program.post(f"{one}/issue").json()
    read = f"{base}/reports/{report['id']}"
    assert program.get(read).json()["figures"]["clients"][0]["tables"][0]["part"] == "summary"
    assert program.get(f"{read}/file", form="csv")["Content-Type"] == "text/csv; charset=utf-8"
    assert program.get(f"{read}/file", form="exe").status_code == 400
    link = program.post(f"{read}/links", {"days": 7}).json()
    assert Client().get(link["address"].removeprefix("http://testserver")).status_code == 200
    assert program.send("DELETE", f"{read}/links/{link['id']}").status_code == 204
    assert program.send("DELETE", one).status_code == 204
    assert program.get(read).json()["plan"] is None
    assert outsider.get(read).status_code == 404


def test_an_organization_reports_of_itself(told, acme, alice_acts):
    plan = plan_for(alice_acts, acme, parts=["summary"])
    report = issue(alice_acts, plan)
    assert [each["name"] for each in report.figures["clients"]] == ["Acme"]
