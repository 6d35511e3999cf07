"""A tenant's own schedule of backups: chosen at its creation or later, within its plan, beside what the edge does."""

import json

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid
from tenants.protection.backups.schedule import set_schedule
from tenants.provisioning import backup_schedules
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import InvalidPlan, OperationInProgress
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, make_due, read_feed

pytestmark = pytest.mark.django_db

CHOSEN = {"every_hours": 6, "at_utc": "02:30", "keep": 28}


def sent(edge) -> dict:
    """The plan of the last PUT."""
    return json.loads(next(call for call in reversed(edge.requests) if call.method == "PUT").content)["plan"]


def settle(tenant, edge) -> None:
    make_due(tenant)
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


@pytest.fixture
def choose(alice_acts):
    def chosen(tenant: Tenant, schedule: object = CHOSEN) -> Tenant:
        with rls.acting_as(alice_acts.rls_actor):
            return set_schedule(by=alice_acts, tenant=tenant, schedule=schedule)

    return chosen


def test_a_tenant_without_a_choice_sends_what_it_always_sent(running, edge):
    assert "backups" not in sent(edge)
    assert "backups" not in running.spec


def test_a_chosen_schedule_goes_to_the_edge_and_is_taken_back_without_a_trace(running, choose, edge):
    before = running.spec
    choose(running)
    settle(running, edge)
    assert sent(edge)["backups"] == CHOSEN
    assert fresh(running).status == "running"
    choose(running, None)
    settle(running, edge)
    assert fresh(running).spec == before
    with all_rows():
        entries = AuditEntry.objects.filter(action="tenants.tenant.set_backup_schedule").order_by("position")
        assert [entry.data["schedule"] for entry in entries] == [CHOSEN, None]


def test_the_same_again_changes_nothing(running, choose, edge):
    choose(running)
    settle(running, edge)
    generation = fresh(running).generation
    choose(running)
    assert fresh(running).next_attempt_at is None or fresh(running).generation == generation
    with all_rows():
        assert AuditEntry.objects.filter(action="tenants.tenant.set_backup_schedule").count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"every_hours": 5}, "backups.every_hours"),
        ({"every_hours": True}, "backups.every_hours"),
        ({"keep": 91}, "backups.keep"),
        ({"at_utc": "24:00"}, "backups.at_utc"),
        ({"at_utc": 2}, "backups.at_utc"),
        ({"colour": "red"}, "backups.colour"),
        # Longer than the plan keeps anything.
        ({"every_hours": 168, "keep": 90}, "backups.keep"),
    ],
)
def test_what_can_not_be_had_is_named(running, choose, change, field):
    with pytest.raises(Invalid) as refused:
        choose(running, {**CHOSEN, **change})
    assert field in {error.field for error in refused.value.errors}
    assert fresh(running).backup_schedule is None


def test_it_waits_for_what_is_under_way_and_a_viewer_may_not(tenant, running, choose, vera):
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        set_schedule(by=actor, tenant=running, schedule=CHOSEN)


def test_a_tenant_that_is_being_made_is_not_given_another(new_tenant, choose, edge):
    made, _ = new_tenant("Busy")
    with pytest.raises(OperationInProgress):
        choose(made)


def test_a_new_tenant_can_have_one_from_the_start_and_a_wrong_one_creates_nothing(new_tenant, edge):
    made, _ = new_tenant("Careful", backups=CHOSEN)
    assert made.spec["backups"] == CHOSEN
    with pytest.raises(InvalidPlan):
        new_tenant("Wrong", backups={"every_hours": 1, "keep": 1})
    with all_rows():
        assert not Tenant.objects.filter(name="Wrong").exists()


def test_drift_shows_a_schedule_that_the_edge_does_not_follow(running, choose, edge, api):
    choose(running)
    settle(running, edge)

    def fact() -> dict:
        return {each["name"]: each for each in api.get(f"tenants/{running.pk}/drift").json()["facts"]}["backups"]

    assert (fact()["in_step"], fact()["desired"]) == (True, "every 6 h at 02:30 UTC, 28 kept")
    edge.views[running.pk]["backup_schedule"] = None
    edge.publish(running.pk)
    read_feed()
    assert (fact()["in_step"], fact()["actual"]) == (False, backup_schedules.DEFAULT)


def test_the_settings_page_shows_sets_and_takes_it_back(running, alice, edge):
    browser, settings = session_of(alice), f"/t/{running.pk}/settings/"
    assert backup_schedules.DEFAULT in browser.get(settings).content.decode()
    path = f"/t/{running.pk}/backup-schedule/"
    wrong = browser.post(path, {"every_hours": "3", "keep": "7", "at_utc": "2"})
    assert wrong.status_code == 422
    assert "Expected 6 to 168." in wrong.content.decode()
    assert browser.post(path, {"every_hours": "12", "keep": "14", "at_utc": ""}).status_code == 302
    assert fresh(running).backup_schedule == {"every_hours": 12, "keep": 14}
    assert "every 12 h, 14 kept" in browser.get(settings).content.decode()
    settle(running, edge)
    assert browser.post(path, {"clear": "yes"}).status_code == 302
    assert fresh(running).backup_schedule is None


def test_the_form_of_a_new_tenant_offers_some(alice, acme, cell, edge):
    form = {"name": "Shop", "plan": "trial", "version": "4.14.7", "backups": "6"}
    answer = session_of(alice).post(f"/o/{acme.pk}/tenants/new/", form)
    assert answer.status_code == 302
    with all_rows():
        assert Tenant.objects.get(name="Shop").backup_schedule == {"every_hours": 6, "keep": 28}


def test_a_program_reads_and_changes_it(running, api):
    path = f"tenants/{running.pk}"
    assert api.get(path).json()["backups"] is None
    assert api.send("PATCH", path, {"backups": CHOSEN}).json()["backups"] == CHOSEN
    assert api.send("PATCH", path, {"backups": {"every_hours": 6}}).status_code == 422
    assert api.send("PATCH", path, {"backups": {"every_hours": 6, "keep": 200}}).status_code == 422
    too_long = api.send("PATCH", path, {"backups": {"every_hours": 168, "keep": 90}})
    assert too_long.json()["errors"][0]["field"] == "backups.keep"
