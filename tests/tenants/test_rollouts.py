"""Roll-outs: ring by ring over an organization's tenants and an MSP's clients, held by failures, never beyond leave."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.actions import grants
from organizations.models import Grant
from tenants.protection.maintenance import rings
from tenants.protection.maintenance import window as maintenance
from tenants.provisioning import actions as provisioning
from tenants.provisioning import wakeups
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts import actions, queries, running, tasks
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.cast import actor_for, found_client, session_of
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


# An MSP's


@pytest.fixture
def clients(fleet, msp, paula, alice, edge):
    """Acme with its three, and Bolt with a canary of its own; both let Northwatch in up to operator."""
    bolt = found_client(msp, paula, alice, "Bolt")
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        tenant, _ = provisioning.create(by=actor, organization=bolt, name="Bolts")
        rings.set_ring(by=actor, tenant=tenant, ring="canary")
    succeed(tenant, edge)
    return {**fleet, "bolts": fresh(tenant)}


def test_an_msp_rolls_out_over_its_clients_and_their_trails_name_person_and_grant(clients, start, msp, maria):
    rollout = start(by=actor_for(maria), organization=msp)
    with all_rows():
        begun = AuditEntry.objects.filter(action="tenants.tenant.upgrade")
        assert {entry.organization_id for entry in begun} == {
            clients["canary"].organization_id,
            clients["bolts"].organization_id,
        }
        for entry in begun:
            assert entry.actor["user"] == maria.pk
            assert entry.actor["grant"] == Grant.objects.get(client=entry.organization_id).pk
    assert now_of(rollout) == ("running", "canary")


def test_who_lost_a_clients_leave_meanwhile_changes_nothing_there(clients, start, msp, maria, alice, edge):
    rollout = start(
        by=actor_for(maria), organization=msp, only={"tenants": [clients[n].pk for n in ("bolts", "early")]}
    )
    owner = actor_for(alice)
    with rls.acting_as(owner.rls_actor):
        grants.withdraw(by=owner, grant=Grant.objects.get(client=clients["early"].organization_id))
    succeed(clients["bolts"], edge)
    beat()
    assert now_of(rollout) == ("held", "early")
    assert "may not do it here" in reasons_of(rollout)["Early"]
    assert fresh(clients["early"]).spec["version"] == "4.14.7"
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        seen = queries.targets_of(actor, Rollout.objects.get(pk=rollout.pk))
        assert {target.tenant_name for target in seen} == {"Bolts"}


def test_a_viewer_begins_none_and_strangers_see_none(fleet, start, vera, mallory, acme):
    with pytest.raises(Forbidden):
        start(by=actor_for(vera))
    rollout = start()
    assert session_of(mallory).get(f"/o/{acme.pk}/rollouts/{rollout.pk}/").status_code == 404


# Its pages and its API


def test_the_page_shows_what_it_would_do_and_begins_it(fleet, alice, acme):
    browser = session_of(alice)
    asked = {"what": "4.14.6", "when": "now", "soak_hours": "0", "failures_allowed": "0"}
    shown = browser.get(f"/o/{acme.pk}/rollouts/new/", asked).content.decode()
    assert shown.index("Canary") < shown.index("Early") < shown.index("General")
    assert shown.count("Takes it") == 3
    with all_rows():
        assert not Rollout.objects.exists()
    begun = browser.post(f"/o/{acme.pk}/rollouts/new/", asked)
    assert begun.status_code == 302
    detail = browser.get(begun["Location"]).content.decode()
    assert "End it" in detail
    assert 'hx-trigger="every 5s"' in detail
    assert "Wazuh 4.14.6" in browser.get(f"/o/{acme.pk}/rollouts/").content.decode()
    assert browser.post(f"{begun['Location']}end/").status_code == 302
    assert browser.post(f"{begun['Location']}end/").status_code == 409


def test_a_wrong_form_says_what_to_mend(fleet, alice, acme):
    answer = session_of(alice).get(f"/o/{acme.pk}/rollouts/new/", {"what": "4.14.6", "soak_hours": "-3"})
    assert answer.status_code == 422


def test_a_page_over_many_tenants_asks_no_more_than_over_few(fleet, start, alice, acme):
    rollout = start()
    browser = session_of(alice)
    browser.get(f"/o/{acme.pk}/rollouts/{rollout.pk}/")
    with all_rows():
        more = RolloutTarget.objects.filter(rollout=rollout).first()
        RolloutTarget.objects.bulk_create(
            RolloutTarget(
                organization=acme,
                rollout=rollout,
                ring="general",
                tenant_id=f"lo{number:024}",
                tenant_name=f"t{number}",
                tenant_organization_id=more.tenant_organization_id,
                tenant_organization_name="Acme",
            )
            for number in range(200)
        )
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(f"/o/{acme.pk}/rollouts/{rollout.pk}/").status_code == 200
    of_rollouts = [query["sql"] for query in asked if "rollout" in query["sql"]]
    assert len(of_rollouts) == 2
    assert not any("COUNT(" in sql for sql in of_rollouts)


def test_a_program_tries_begins_reads_and_ends_one(fleet, api, acme):
    path = f"organizations/{acme.pk}/rollouts"
    asked = {"version": "4.14.6", "soak_hours": 0}
    would = api.post(f"{path}?validate_only=true", asked)
    assert would.status_code == 200
    assert [(each["ring"], each["outcome"]) for each in would.json()["targets"]] == [
        ("canary", "takes"),
        ("early", "takes"),
        ("general", "takes"),
    ]
    assert api.get(path).json()["results"] == []
    made = api.post(path, asked)
    assert made.status_code == 201
    one = made["Location"].removeprefix("/api/v1/")
    beat()
    assert api.get(one).json()["state"] == "running"
    assert {each["ring"]: each["state"] for each in api.get(f"{one}/tenants").json()["results"]} == {
        "canary": "running",
        "early": "pending",
        "general": "pending",
    }
    assert len(api.get(f"{one}/tenants?state=pending").json()["results"]) == 2
    assert api.get(f"{one}/tenants?state=odd").status_code == 400
    assert api.post(f"{one}/go-on", {}).status_code == 409
    assert api.post(f"{one}/retry", {}).status_code == 409
    assert api.post(f"{one}/end", {}).json()["state"] == "ended"
    assert api.post(path, {"version": "9.9.9"}).status_code == 422


def test_a_key_that_is_limited_to_tenants_reaches_and_sees_no_other(fleet, program_of, alice, acme, start):
    limited = program_of(alice, acme, tenant_ids=[fleet["early"].pk], scopes=["tenant.view", "tenant.operate"])
    path = f"organizations/{acme.pk}/rollouts"
    made = limited.post(path, {"version": "4.14.6"})
    beat()
    one = made["Location"].removeprefix("/api/v1/")
    assert {each["tenant"] for each in limited.get(f"{one}/tenants").json()["results"]} == {fleet["early"].pk}
    assert states_of(Rollout(pk=made.json()["id"])) == {"early": "running"}
    limited.post(f"{one}/end", {})
    with all_rows():
        Operation.objects.filter(kind="upgrade").update(state="succeeded")
    whole = start()
    assert limited.get(f"{path}/{whole.pk}").status_code == 404


def test_the_ring_is_a_setting_like_the_others(running, api, alice):
    assert api.get(f"tenants/{running.pk}").json()["ring"] == "general"
    assert api.send("PATCH", f"tenants/{running.pk}", {"ring": "canary"}).json()["ring"] == "canary"
    assert api.send("PATCH", f"tenants/{running.pk}", {"ring": "odd"}).status_code == 422
    assert [each["id"] for each in api.get("tenants?ring=canary").json()["results"]] == [running.pk]
    browser = session_of(alice)
    assert browser.post(f"/t/{running.pk}/ring/", {"ring": "early"}).status_code == 302
    assert 'value="early" selected' in browser.get(f"/t/{running.pk}/settings/").content.decode()
    assert fresh(running).generation == running.generation
    with all_rows():
        told = AuditEntry.objects.filter(action="tenants.tenant.set_ring").order_by("position")
        assert [entry.data["ring"] for entry in told] == ["canary", "early"]
