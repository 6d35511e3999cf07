"""Another version or other sizes: asked for here, done and taken back at the edge, and never left in disagreement."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from billing.models import Plan
from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from tenants.provisioning import actions, versions
from tenants.provisioning.models import Operation
from tenants.provisioning.problems import InvalidPlan, NotPossibleNow, OperationInProgress, PastPointOfNoReturn
from tenants.provisioning.reconciler import reconcile
from tenants.provisioning.timeline import tell
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db

STEPS = ["submit", "backup", "indexer", "manager", "dashboard", "verify"]


@pytest.fixture
def change(running, alice_acts):
    """Asks for a version as Alice."""

    def ask(version: str = "4.14.6") -> Operation:
        with rls.acting_as(alice_acts.rls_actor):
            return versions.upgrade(by=alice_acts, tenant=running, version=version)

    return ask


def sent(edge):
    """The body of the last PUT."""
    return json.loads(next(call for call in reversed(edge.requests) if call.method == "PUT").content)


def test_a_version_goes_out_under_a_generation_of_its_own_and_is_followed_to_its_end(running, change, edge):
    operation = change()
    assert list(states(operation)) == STEPS
    reconcile(running.pk)
    body = sent(edge)
    assert (body["plan"]["version"], body["operation_id"]) == ("4.14.6", operation.pk)
    assert "rollback" not in body
    edge.progress(running.pk, "manager")
    read_feed()
    assert states(operation)["manager"] == "running"
    assert fresh(running).status == "attention"
    assert [reason["code"] for reason in fresh(running).attention] == ["VERSION_CHANGES"]
    edge.finish(running.pk)
    read_feed()
    assert (fresh(operation).state, fresh(running).status) == ("succeeded", "running")


def test_what_the_edge_took_back_is_wanted_no_more_and_the_trail_says_so(running, change, edge, alice_acts):
    operation = change()
    reconcile(running.pk)
    edge.roll_back(running.pk, "manager")
    read_feed()
    assert (fresh(operation).state, fresh(operation).error["code"]) == ("failed", "UPGRADE_ROLLED_BACK")
    assert (states(operation)["manager"], states(operation)["rollback"]) == ("failed", "succeeded")
    assert tell(operation).kept == "The version from before the change is the one in use."
    assert fresh(running).spec["version"] == "4.14.7"
    reconcile(running.pk)
    assert sent(edge)["plan"]["version"] == "4.14.7"
    edge.finish(running.pk)
    read_feed()
    puts = edge.count("PUT /v1/tenants/")
    reconcile(running.pk)
    assert (edge.count("PUT /v1/tenants/"), fresh(running).status) == (puts, "running")
    with rls.acting_as(alice_acts.rls_actor):
        entry = AuditEntry.objects.get(action="tenants.tenant.version_kept")
        with pytest.raises(NotPossibleNow):
            actions.retry(by=alice_acts, operation=fresh(operation))
    assert (entry.data["asked"], entry.data["version"]) == ("4.14.6", "4.14.7")
    assert entry.actor["kind"] == "system"


def test_an_old_view_of_a_rollback_does_not_undo_a_newer_wish(running, change, edge):
    change()
    reconcile(running.pk)
    edge.roll_back(running.pk, "manager")
    read_feed()
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    change()
    edge.publish(running.pk)
    read_feed()
    assert fresh(running).spec["version"] == "4.14.6"


def test_a_version_that_the_edge_refuses_leaves_the_tenant_as_it_was(running, change, edge):
    operation = change()
    edge.fail_next("PUT /v1/tenants/", refusal(409, "DOWNGRADE_REFUSED"))
    reconcile(running.pk)
    assert (fresh(operation).state, fresh(operation).error["code"]) == ("failed", "DOWNGRADE_REFUSED")
    assert fresh(running).spec["version"] == "4.14.7"
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert fresh(running).status == "running"


def test_before_the_edge_has_it_a_change_can_be_cancelled_and_afterwards_not(running, change, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.cancel(by=alice_acts, operation=change())
    assert fresh(running).spec["version"] == "4.14.7"
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    operation = change()
    reconcile(running.pk)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(PastPointOfNoReturn):
        actions.cancel(by=alice_acts, operation=fresh(operation))


@pytest.mark.parametrize(
    ("version", "error"), [("9.9.9", InvalidPlan), ("4.9.0", InvalidPlan), ("4.14.7", NotPossibleNow)]
)
def test_only_a_version_that_is_offered_reads_the_data_and_is_another_one_is_taken(
    running, change, cell, version, error
):
    with all_rows():
        cell.versions = [*cell.versions, "4.9.0"]
        cell.save()
    with pytest.raises(error):
        change(version)
    assert fresh(running).spec["version"] == "4.14.7"


def test_one_change_at_a_time_and_only_of_a_tenant_that_runs(running, tenant, change, alice_acts, edge):
    change()
    with pytest.raises(OperationInProgress):
        change()
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=fresh(running))
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        versions.resize(by=alice_acts, tenant=fresh(running))


def test_a_rollback_returns_to_the_version_before_while_its_backup_is_kept(running, change, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        versions.roll_back(by=alice_acts, tenant=running)
    first = change()
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        asked = versions.roll_back(by=alice_acts, tenant=fresh(running))
    reconcile(running.pk)
    assert (sent(edge)["rollback"], sent(edge)["plan"]["version"]) == (True, "4.14.7")
    edge.finish(running.pk)
    read_feed()
    assert fresh(asked).state == "succeeded"
    with all_rows():
        for operation in (first, asked):
            Operation.objects.filter(pk=operation.pk).update(started_at=timezone.now() - dt.timedelta(days=8))
    with rls.acting_as(alice_acts.rls_actor):
        assert versions.version_before(fresh(running)) is None


def test_sizes_follow_the_plan_that_the_organization_has_now(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        versions.resize(by=alice_acts, tenant=running)
    with all_rows():
        plan = Plan.objects.get(roles=running.spec["roles"], code="trial")
        plan.roles = {**plan.roles, "indexer": {"count": 1, "instance": "standard-4"}}
        plan.save()
    with rls.acting_as(alice_acts.rls_actor):
        operation = versions.resize(by=alice_acts, tenant=running)
    reconcile(running.pk)
    assert sent(edge)["plan"]["roles"]["indexer"]["instance"] == "standard-4"
    edge.progress(running.pk, "indexer")
    read_feed()
    assert [reason["code"] for reason in fresh(running).attention] == ["SIZES_CHANGE"]
    edge.finish(running.pk)
    read_feed()
    assert (fresh(operation).state, fresh(operation).kind) == ("succeeded", "resize")


def test_an_operator_may_and_a_viewer_may_not(running, vera, bob):
    for person, may in ((vera, False), (bob, True)):
        actor = actor_for(person)
        with rls.acting_as(actor.rls_actor):
            if may:
                assert versions.upgrade(by=actor, tenant=running, version="4.14.6").requested_by == bob.pk
            else:
                with pytest.raises(Forbidden):
                    versions.upgrade(by=actor, tenant=running, version="4.14.6")


def test_the_settings_offer_other_versions_and_say_what_a_change_does(running, alice, edge):
    client = session_of(alice)
    page = client.get(f"/t/{running.pk}/settings/").content.decode()
    assert '<option value="4.14.6">' in page
    assert "put back by itself" in page
    asked = client.post(f"/t/{running.pk}/upgrade/", {"version": "4.14.6"}, follow=True).content.decode()
    assert "changes to version 4.14.6" in asked
    assert "What is there now is kept for a week" in asked
    assert "Change version</button>" not in client.get(f"/t/{running.pk}/settings/").content.decode()


def test_programs_ask_for_it_by_the_api(api, running, edge):
    answer = api.post(f"tenants/{running.pk}/upgrade", {"version": "4.14.6"})
    assert (answer.status_code, answer.json()["operation"]["kind"]) == (202, "upgrade")
    assert api.post(f"tenants/{running.pk}/upgrade", {"version": "9.9.9"}).status_code == 409
    refused = api.post(f"tenants/{running.pk}/upgrade", {})
    assert (refused.status_code, "version" in refused.content.decode()) == (422, True)
