"""A tenant that nobody uses sleeps: asked for here or begun by the edge, seen as such, and woken on request."""

import json

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Invalid
from tenants.access import actions as access
from tenants.protection.maintenance import sleeping
from tenants.provisioning import actions
from tenants.provisioning.models import Operation
from tenants.provisioning.problems import NotPossibleNow, OperationInProgress
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed, states

pytestmark = pytest.mark.django_db

EDGES_OWN = "op_" + "e" * 20


@pytest.fixture
def asleep(running, edge):
    """A tenant that the edge put to sleep by itself."""
    edge.begin_change(running.pk, "sleep", EDGES_OWN)
    edge.finish(running.pk)
    read_feed()
    return fresh(running)


def as_alice(alice_acts, act, tenant, **more):
    with rls.acting_as(alice_acts.rls_actor):
        return act(by=alice_acts, tenant=tenant, **more)


def test_what_the_edge_began_is_an_operation_and_the_tenant_is_seen_to_sleep(asleep, edge, alice):
    slept = operation_of(asleep)
    assert (slept.kind, slept.source, slept.state) == ("sleep", "edge", "succeeded")
    assert list(states(slept)) == ["dashboard", "manager", "indexer"]
    assert (asleep.status, asleep.requested, asleep.attention) == ("sleeping", "running", [])
    make_due(asleep)
    reconcile(asleep.pk)
    assert fresh(asleep).next_attempt_at is None
    assert edge.count("PUT") == 1
    page = session_of(alice).get(f"/t/{asleep.pk}/").content.decode()
    assert "Sleeping since" in page
    assert "wakes on request" in page
    assert "Open dashboard" in page


def test_people_see_since_when_detection_is_delayed_and_no_longer_once_it_is_not(running, edge, alice):
    client = session_of(alice)

    def seen(since):
        edge.views[running.pk]["detection_delayed_since"] = since
        edge.publish(running.pk)
        read_feed()
        return client.get(f"/t/{running.pk}/").content.decode()

    page = seen("2026-11-24T08:30:00Z")
    assert "Detection delayed since" in page
    assert "24 Nov 2026, 08:30 UTC" in page
    assert fresh(running).status == "running"
    assert "Detection delayed" not in seen(None)


def test_a_person_wakes_it_by_a_button_and_follows_the_steps(asleep, edge, alice):
    client = session_of(alice)
    page = client.post(f"/t/{asleep.pk}/wake/", follow=True).content.decode()
    assert "wakes up" in page
    deliver()
    body = json.loads(next(call for call in edge.requests if call.url.path.endswith("/wake")).content)
    woken = operation_of(asleep)
    assert body == {"epoch": 1, "operation_id": woken.pk}
    assert list(states(woken)) == ["submit", "indexer", "manager", "dashboard", "verify"]
    assert fresh(asleep).status == "provisioning"
    assert "Waking up" in client.get(f"/t/{asleep.pk}/").content.decode()
    edge.finish(asleep.pk)
    read_feed()
    assert (fresh(asleep).status, fresh(woken).state) == ("running", "succeeded")


def test_a_request_at_the_edge_that_wakes_it_is_adopted(asleep, edge):
    edge.begin_change(asleep.pk, "wake", "op_" + "w" * 20)
    edge.finish(asleep.pk)
    read_feed()
    woken = operation_of(asleep)
    assert (woken.kind, woken.source, woken.state) == ("wake", "edge", "succeeded")
    assert fresh(asleep).status == "running"


def test_it_sleeps_now_where_nobody_uses_it(running, edge, alice_acts):
    asked = as_alice(alice_acts, sleeping.fall_asleep, running)
    deliver()
    assert fresh(running).status == "sleeping"
    edge.finish(running.pk)
    read_feed()
    assert (fresh(running).status, fresh(asked).state) == ("sleeping", "succeeded")
    with rls.acting_as(alice_acts.rls_actor):
        assert AuditEntry.objects.get(action="tenants.tenant.sleep").data["operation"] == asked.pk


def test_agents_keep_it_awake_and_the_operation_says_so(running, edge, alice_acts):
    asked = as_alice(alice_acts, sleeping.fall_asleep, running)
    edge.views[running.pk]["agents"] = {"enrolled": 1, "active": 1}
    deliver()
    assert (fresh(asked).state, fresh(asked).error["code"]) == ("failed", "AGENTS_CONNECTED")
    assert edge.count("/sleep") == 1
    edge.publish(running.pk)
    read_feed()
    assert fresh(running).status == "running"


def test_waking_takes_the_place_of_falling_asleep(running, edge, alice_acts):
    asked = as_alice(alice_acts, sleeping.fall_asleep, running)
    woken = as_alice(alice_acts, sleeping.wake, running)
    deliver()
    assert (fresh(asked).state, edge.count("/sleep"), edge.count("/wake")) == ("cancelled", 0, 1)
    with pytest.raises(NotPossibleNow):
        as_alice(alice_acts, sleeping.fall_asleep, fresh(running))
    edge.finish(running.pk)
    read_feed()
    assert fresh(woken).state == "succeeded"


def test_only_what_sleeps_is_woken_and_only_what_runs_sleeps(running, tenant, asleep, alice_acts):
    with pytest.raises(NotPossibleNow):
        as_alice(alice_acts, sleeping.fall_asleep, asleep)
    as_alice(alice_acts, sleeping.wake, asleep)
    deliver()
    with pytest.raises((NotPossibleNow, OperationInProgress)):
        as_alice(alice_acts, sleeping.wake, fresh(asleep))


def test_the_dashboard_of_one_that_sleeps_can_be_opened(asleep, edge, alice_acts):
    code = access.open_dashboard(by=alice_acts, tenant=asleep)
    assert code.post_to.endswith("/session")


def test_a_policy_is_a_new_generation_with_its_entry_in_the_trail(running, edge, alice_acts):
    as_alice(alice_acts, sleeping.set_sleep_policy, running, after_minutes=30)
    reconcile(running.pk)
    assert edge.bodies[running.pk]["plan"]["sleep"] == {"after_minutes": 30}
    assert edge.bodies[running.pk]["generation"] == 2
    edge.finish(running.pk)
    read_feed()
    as_alice(alice_acts, sleeping.set_sleep_policy, fresh(running), after_minutes=30)
    reconcile(running.pk)
    assert fresh(running).generation == 2
    as_alice(alice_acts, sleeping.set_sleep_policy, fresh(running), after_minutes=None)
    reconcile(running.pk)
    assert "sleep" not in edge.bodies[running.pk]["plan"]
    with rls.acting_as(alice_acts.rls_actor):
        told = AuditEntry.objects.filter(action="tenants.tenant.set_sleep_policy").order_by("position")
        assert [(entry.data["before"], entry.data["after_minutes"]) for entry in told] == [(None, 30), (30, None)]
        with pytest.raises(Invalid):
            sleeping.set_sleep_policy(by=alice_acts, tenant=running, after_minutes=14)


def test_the_settings_offer_it_and_the_api_takes_and_tells_it(running, edge, alice, vera, acme, api):
    client = session_of(alice)
    answer = client.post(f"/t/{running.pk}/sleep-policy/", {"sleep_after_minutes": "60"}, follow=True)
    assert '<option value="60" selected>' in answer.content.decode()
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert client.post(f"/t/{running.pk}/sleep-policy/", {"sleep_after_minutes": "7"}).status_code == 422
    told = api.send("PATCH", f"tenants/{running.pk}", {"sleep_after_minutes": 45})
    assert (told.status_code, told.json()["sleep_after_minutes"], told.json()["sleeping"]) == (200, 45, None)
    for wrong in ({"sleep_after_minutes": 14}, {"sleep_after_minutes": 10_081}, {}):
        assert api.send("PATCH", f"tenants/{running.pk}", wrong).status_code == 422
    assert '<option value="45" selected>' in client.get(f"/t/{running.pk}/settings/").content.decode()


def test_it_is_chosen_at_creation(new_tenant, edge, alice):
    tenant, _ = new_tenant(sleep_after_minutes=15)
    reconcile(tenant.pk)
    assert edge.bodies[tenant.pk]["plan"]["sleep"] == {"after_minutes": 15}
    page = session_of(alice).get(f"/o/{tenant.organization_id}/tenants/new/").content.decode()
    assert "Sleep when nobody uses it" in page


def test_an_operator_may_and_a_viewer_may_not(asleep, edge, vera, bob):
    assert session_of(vera).post(f"/t/{asleep.pk}/wake/").status_code == 403
    assert session_of(bob).post(f"/t/{asleep.pk}/wake/").status_code == 302
    with rls.acting_as(actor_for(bob).rls_actor):
        assert Operation.objects.get(kind="wake").requested_by == bob.pk


def test_a_stop_takes_the_place_of_sleep(asleep, edge, alice_acts):
    as_alice(alice_acts, actions.stop, asleep)
    reconcile(asleep.pk)
    edge.finish(asleep.pk)
    read_feed()
    assert fresh(asleep).status == "stopped"
