"""Roll-outs: ring by ring over an organization's tenants, held by failures. Over clients: test_rollout_doors.py."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Invalid
from tenants.protection.maintenance import rings
from tenants.protection.maintenance import window as maintenance
from tenants.provisioning import actions as provisioning
from tenants.provisioning import wakeups
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts import actions, running, tasks
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed

pytestmark = pytest.mark.django_db

TARGET = {"kind": "version", "arguments": {"version": "4.14.6"}}
WINDOW = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}


@pytest.fixture
def fleet(new_tenant, alice_acts, edge, cell):
    """Three tenants of Acme that run, one in each ring."""
    found = {}
    for ring in ("general", "early", "canary"):
        tenant, _ = new_tenant(ring.title())
        deliver()
        reconcile(tenant.pk)
        edge.finish(tenant.pk)
        read_feed()
        with rls.acting_as(alice_acts.rls_actor):
            found[ring] = rings.set_ring(by=alice_acts, tenant=fresh(tenant), ring=ring)
    return found


@pytest.fixture
def start(acme, alice_acts):
    def started(by=alice_acts, organization=acme, **more) -> Rollout:
        with rls.acting_as(by.rls_actor):
            rollout = actions.start(by=by, organization=organization, **{**TARGET, "soak_hours": 0, **more})
        beat()
        return rollout

    return started


def act(by, what, rollout):
    with rls.acting_as(by.rls_actor):
        return what(by=by, rollout=rollout)


def beat() -> None:
    """What beat and the workers do, as if all that is waited for but soaks had passed."""
    with all_rows():
        soon = timezone.now() + dt.timedelta(minutes=2)
        Rollout.objects.filter(look_at__lt=soon).update(look_at=timezone.now())
        RolloutTarget.objects.update(not_before=None)
    for row in running.due():
        tasks.look_at_rollout(row["organization_id"], row["id"])


def now_of(rollout: Rollout) -> tuple[str, str]:
    with all_rows():
        rollout = Rollout.objects.get(pk=rollout.pk)
    return rollout.state, rollout.ring


def states_of(rollout: Rollout) -> dict[str, str]:
    with all_rows():
        return dict(RolloutTarget.objects.filter(rollout=rollout).values_list("ring", "state"))


def reasons_of(rollout: Rollout) -> dict[str, str]:
    with all_rows():
        return dict(RolloutTarget.objects.filter(rollout=rollout).values_list("tenant_name", "reason"))


def succeed(tenant: Tenant, edge) -> None:
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


def fail(tenant: Tenant, edge) -> None:
    """The edge takes the new version back."""
    reconcile(tenant.pk)
    edge.roll_back(tenant.pk, "manager")
    read_feed()
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


def test_it_goes_ring_by_ring_and_each_tenant_has_an_operation_of_its_own(fleet, start, edge, alice):
    rollout = start()
    assert now_of(rollout) == ("running", "canary")
    assert states_of(rollout) == {"canary": "running", "early": "pending", "general": "pending"}
    operation = operation_of(fleet["canary"])
    assert (operation.kind, operation.requested_by) == ("upgrade", alice.pk)
    for ring, after in (("canary", "early"), ("early", "general"), ("general", "general")):
        succeed(fleet[ring], edge)
        beat()
        assert now_of(rollout)[1] == after
    assert now_of(rollout)[0] == "finished"
    assert {fresh(tenant).spec["version"] for tenant in fleet.values()} == {"4.14.6"}
    with all_rows():
        mails = Mail.objects.filter(template="rollout_finished")
        assert alice.email in {mail.to for mail in mails}
        begun = AuditEntry.objects.filter(action="tenants.tenant.upgrade")
        assert {entry.actor["request"] for entry in begun} == {rollout.pk}
        assert AuditEntry.objects.filter(action="tenants.rollout.finish", target=rollout.pk).count() == 1


def test_looking_again_begins_nothing_twice(fleet, start):
    rollout = start()
    for _ in range(3):
        beat()
    with all_rows():
        assert Operation.objects.filter(kind="upgrade").count() == 1
    assert states_of(rollout)["canary"] == "running"


def test_a_ring_soaks_before_the_next_begins(fleet, start, edge):
    rollout = start(soak_hours=2)
    succeed(fleet["canary"], edge)
    beat()
    beat()
    assert now_of(rollout) == ("running", "canary")
    with all_rows():
        looked = Rollout.objects.get(pk=rollout.pk).look_at
        assert looked > timezone.now() + dt.timedelta(minutes=110)
        RolloutTarget.objects.filter(ring="canary").update(ended_at=timezone.now() - dt.timedelta(hours=3))
        Rollout.objects.update(look_at=timezone.now())
    beat()
    assert now_of(rollout) == ("running", "early")
    assert states_of(rollout)["early"] == "running"


def test_a_failing_canary_holds_it_and_people_are_told(fleet, start, edge, alice, alice_acts):
    rollout = start()
    fail(fleet["canary"], edge)
    beat()
    assert now_of(rollout) == ("held", "canary")
    assert states_of(rollout) == {"canary": "failed", "early": "pending", "general": "pending"}
    assert reasons_of(rollout)["Canary"] == "manager: The manager exited. Version 4.14.7 is in use again."
    with all_rows():
        assert alice.email in {mail.to for mail in Mail.objects.filter(template="rollout_held")}
    retried = act(alice_acts, actions.retry, rollout)
    assert (retried.state, retried.ring) == ("running", "canary")
    beat()
    succeed(fleet["canary"], edge)
    beat()
    assert now_of(rollout) == ("running", "early")
    with pytest.raises(Conflict):
        act(alice_acts, actions.go_on, rollout)


def test_one_that_is_held_goes_on_without_what_failed_or_ends(fleet, start, edge, alice_acts):
    rollout = start()
    fail(fleet["canary"], edge)
    beat()
    act(alice_acts, actions.go_on, rollout)
    beat()
    assert states_of(rollout) == {"canary": "failed", "early": "running", "general": "pending"}
    act(alice_acts, actions.end, rollout)
    assert now_of(rollout)[0] == "ended"
    assert states_of(rollout)["general"] == "skipped"
    beat()
    assert states_of(rollout)["general"] == "skipped"
    assert operation_of(fleet["early"]).is_open


def test_failures_that_are_allowed_do_not_hold_it(fleet, start, edge):
    rollout = start(failures_allowed=1)
    fail(fleet["canary"], edge)
    beat()
    assert now_of(rollout) == ("running", "early")


def test_who_has_it_or_rests_is_skipped_and_who_is_busy_waited_for(fleet, start, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        provisioning.stop(by=alice_acts, tenant=fleet["canary"])
    rollout = start()
    assert states_of(rollout)["canary"] == "pending"
    assert "still going on" in reasons_of(rollout)["Canary"]
    succeed(fleet["canary"], edge)
    with all_rows():
        spec = fresh(fleet["early"]).spec
        Tenant.objects.filter(pk=fleet["early"].pk).update(spec={**spec, "version": "4.14.6"})
    beat()
    assert states_of(rollout) == {"canary": "skipped", "early": "skipped", "general": "running"}
    assert reasons_of(rollout)["Canary"].startswith("Only a tenant that runs")
    assert reasons_of(rollout)["Early"] == "It has this already."


def test_what_waits_for_windows_is_scheduled_by_the_tenants_own(fleet, start, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        maintenance.set_window(by=alice_acts, tenant=fleet["canary"], window=WINDOW)
    rollout = start(when="window")
    assert operation_of(fleet["canary"]).state == "scheduled"
    beat()
    assert states_of(rollout) == {"canary": "running", "early": "pending", "general": "pending"}


def test_one_of_a_kind_is_under_way_at_a_time(fleet, start, alice_acts):
    first = start()
    with pytest.raises(Conflict) as refused:
        start()
    assert refused.value.code == "ROLLOUT_OPEN"
    act(alice_acts, actions.end, first)
    with all_rows():
        Operation.objects.filter(kind="upgrade").update(state="succeeded")
    assert start().state == "running"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"arguments": {"version": "9.9.9"}}, "version"),
        ({"soak_hours": -1}, "soak_hours"),
        ({"failures_allowed": 5000}, "failures_allowed"),
        ({"when": "later"}, "when"),
        ({"only": {"tenants": ["nobody"]}}, "tenants"),
        ({"only": {"organizations": ["org_x"]}}, "organizations"),
    ],
)
def test_what_can_not_be_had_is_refused_by_name_and_begins_nothing(fleet, start, wrong, field):
    with pytest.raises(Invalid) as refused:
        start(**wrong)
    named = {error.field for error in refused.value.errors} or {refused.value.field}
    assert field in named
    with all_rows():
        assert not Rollout.objects.exists()


def test_it_can_be_narrowed_to_some_tenants(fleet, start):
    rollout = start(only={"tenants": [fleet["early"].pk]})
    assert now_of(rollout) == ("running", "early")
    assert states_of(rollout) == {"early": "running"}


def test_bulk_work_wakes_nobody_in_front_of_people(fleet, start, monkeypatch):
    woken = []
    monkeypatch.setattr(wakeups, "wake_on_commit", lambda task, *given, queue: woken.append(queue))
    start()
    assert wakeups.INTERACTIVE not in woken
