"""Reports issued by hand and by the clock: each span once, none lost, as somebody who may."""

import pytest
from django.core import mail as django_mail
from django.utils import timezone

from controlplane import rls
from controlplane.problems import Conflict, Forbidden
from fleet.reports import plans, spans
from fleet.reports.models import Report
from fleet.reports.plans import Terms
from organizations.actions import grants
from organizations.models import Grant, Membership
from tests.cast import actor_for, found_client
from tests.database import all_rows
from tests.fleet.reports.conftest import (
    EVERYTHING,
    HOUR,
    beat,
    hidden,
    issue,
    issued,
    limited,
    make_due,
    plan_for,
    stored,
)
from tests.tenants.conftest import (
    deliver,
)

pytestmark = pytest.mark.django_db


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


def test_issue_now_tells_what_whoever_presses_sees_and_not_what_the_plans_maker_sees(
    planned, msp, maria, acme, paula_acts
):
    report = issue(limited(paula_acts, msp, maria, "billing", acme), planned)
    assert report.issued_as == maria.pk
    assert hidden(report.figures) == ["agents", "alerts", "rules"]


def test_who_sees_none_of_the_clients_issues_nothing_by_hand(planned, msp, maria, acme, give_client, paula_acts):
    plan = plan_for(paula_acts, msp, name="Of Acme", clients=[acme.pk])
    with pytest.raises(Forbidden):
        issue(limited(paula_acts, msp, maria, "operator", give_client("Birch")), plan)
    assert issued(plan) == []


@pytest.mark.parametrize("change", [{}, {"every": "weekly"}, {"time_zone": "Asia/Tokyo"}], ids=str)
@pytest.mark.parametrize("saved_at", [-HOUR, 24 * HOUR], ids=["before it is due", "after"])
def test_saving_a_plan_loses_no_report_whose_span_is_over(planned, paula_acts, monkeypatch, saved_at, change):
    due = planned.due_at
    monkeypatch.setattr(timezone, "now", lambda: due + saved_at)
    save(paula_acts, planned, **change)
    monkeypatch.setattr(timezone, "now", lambda: due + 24 * HOUR)
    beat()
    told = issued(planned)[0]
    assert (told.begins_at, told.ends_at) == spans.reported_at("monthly", "UTC", due)
    assert stored(planned).due_at > due
    assert stored(planned).owed_from is None


def test_saving_a_plan_whose_span_goes_on_counts_from_the_new_schedule(planned, paula_acts):
    save(paula_acts, planned, every="weekly")
    assert stored(planned).due_at == spans.due_after("weekly", "UTC", timezone.now())
    save(paula_acts, planned, active=False)
    assert stored(planned).due_at is None
    save(paula_acts, planned)
    assert stored(planned).due_at == spans.due_after("monthly", "UTC", timezone.now())


def save(by, plan, **more):
    with rls.acting_as(by.rls_actor):
        plans.change(by=by, plan=plan, terms=Terms(**{**vars(EVERYTHING), **more}))
