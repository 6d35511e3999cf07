"""Many tenants at once: said of each before, asked of each by itself, told of each after, retried where it failed."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.problems import Conflict, Invalid
from fleet.clients import actions as views
from fleet.clients import bulk
from fleet.clients.bulk import Order
from fleet.clients.filters import Asked
from organizations.access import NotConfirmed
from organizations.actions import grants
from organizations.models import Grant
from tenants.protection.backups.models import Backup
from tenants.provisioning.models import Operation, Tenant
from tenants.rollouts import actions, queries, running, tasks
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, make_due, read_feed

pytestmark = pytest.mark.django_db

WINDOW = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}


@pytest.fixture
def two(acme, bolt, alice, edge, give_tenant) -> list[Tenant]:
    """Acme's Office, a canary, and Bolt's Plant; both run."""
    office = give_tenant(acme, alice, "Office")
    make_due(office, ring="canary")
    return [fresh(office), give_tenant(bolt, alice, "Plant")]


def order(kind: str, tenants: list[Tenant], when: str = "now", **arguments: object) -> Order:
    return Order(kind, [tenant.pk for tenant in tenants], arguments, when)


def begin(by, msp, asked: Order) -> Rollout:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        begun = bulk.begin(actor, msp, asked)
    beat()
    return begun


def foresee(by, msp, asked: Order) -> bulk.Outlook:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return bulk.foresee(actor, msp, asked)


def beat() -> None:
    """What beat and the workers do, as if all that is waited for had passed."""
    with all_rows():
        soon = timezone.now() + dt.timedelta(minutes=2)
        Rollout.objects.filter(look_at__lt=soon).update(look_at=timezone.now())
        RolloutTarget.objects.update(not_before=None)
    for row in running.due():
        tasks.look_at_rollout(row["organization_id"], row["id"])


def results(rollout: Rollout) -> dict[str, tuple[str, str]]:
    with all_rows():
        return {each.tenant_name: (each.state, each.reason) for each in RolloutTarget.objects.filter(rollout=rollout)}


def state_of(rollout: Rollout) -> str:
    with all_rows():
        return Rollout.objects.get(pk=rollout.pk).state


def test_what_it_would_do_is_said_of_each_tenant_and_nothing_is_done(two, msp, maria, acme):
    with all_rows():
        Tenant.objects.filter(pk=two[1].pk).update(requested="stopped")
        before = Operation.objects.count()
    outlook = foresee(maria, msp, order("stop", two))
    assert [(each.tenant.name, each.outcome, each.reason) for each in outlook.targets] == [
        ("Office", "takes", ""),
        ("Plant", "skips", "It has this already."),
    ]
    assert (outlook.takes, outlook.title) == (1, "Stop")
    assert "agents keep trying" in outlook.meanwhile
    with all_rows():
        assert Operation.objects.count() == before
        assert fresh(two[0]).requested == "running"


def test_what_a_tenant_would_refuse_is_tried_and_told_in_its_own_words(two, msp, maria):
    with all_rows():
        Tenant.objects.filter(pk=two[1].pk).update(halted_at=timezone.now())
    outlook = foresee(maria, msp, order("rotate_certificates", two))
    assert [(each.outcome, each.reason) for each in outlook.targets] == [
        ("takes", ""),
        ("skips", "Only a tenant that runs can get new certificates."),
    ]


def test_what_is_paid_is_said_beforehand(two, msp, maria):
    with all_rows():
        from billing.models import Plan

        Plan.objects.filter(pk="trial").update(price_cents=4900)
    outlook = foresee(maria, msp, order("stop", two))
    assert (outlook.monthly_cents, outlook.price_words) == (-9800, "$98 less a month, by the price list.")
    assert foresee(maria, msp, order("back_up", two)).price_words == "What is paid stays as it is."


def test_all_are_asked_at_once_whatever_their_rings_and_each_is_followed_to_its_end(two, msp, maria, edge):
    begun = begin(maria, msp, order("rotate_certificates", two))
    assert {name: state for name, (state, _) in results(begun).items()} == {"Office": "running", "Plant": "running"}
    deliver()
    for tenant in two:
        edge.finish(tenant.pk)
    read_feed()
    beat()
    assert {name: state for name, (state, _) in results(begun).items()} == {"Office": "succeeded", "Plant": "succeeded"}
    assert state_of(begun) == "finished"
    with all_rows():
        assert set(Operation.objects.filter(kind="rotate_certificates").values_list("requested_by", flat=True)) == {
            maria.pk
        }


def test_one_that_fails_holds_no_other_up_and_is_retried(two, msp, maria, edge):
    begun = begin(maria, msp, order("back_up", two))
    with all_rows():
        Backup.objects.filter(tenant=two[0]).update(state="failed", error={"message": "The disk is full."})
        Backup.objects.filter(tenant=two[1]).update(state="succeeded")
    beat()
    assert results(begun) == {"Office": ("failed", "The disk is full."), "Plant": ("succeeded", "")}
    assert state_of(begun) == "finished"
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        actions.retry(by=actor, rollout=begun)
    beat()
    with all_rows():
        Backup.objects.filter(tenant=two[0], state="running").update(state="succeeded")
    beat()
    assert results(begun) == {"Office": ("succeeded", ""), "Plant": ("succeeded", "")}


def test_a_ring_and_a_window_are_set_at_once(two, msp, maria):
    begun = begin(maria, msp, order("set_ring", two, ring="canary"))
    assert results(begun) == {"Office": ("skipped", "It has this already."), "Plant": ("succeeded", "")}
    assert fresh(two[1]).ring == "canary"
    begin(maria, msp, order("set_maintenance_window", two, maintenance_window=WINDOW))
    assert [fresh(tenant).maintenance_window for tenant in two] == [WINDOW, WINDOW]


def test_it_is_done_with_what_the_person_may_do_then(two, msp, maria, alice, acme):
    actor, owner = actor_for(maria), actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        begun = bulk.begin(actor, msp, order("stop", two))
    with rls.acting_as(owner.rls_actor):
        grants.withdraw(by=owner, grant=Grant.objects.get(client=acme))
    beat()
    found = results(begun)
    assert found["Office"][0] == "failed"
    assert "may not do it here" in found["Office"][1]
    assert (fresh(two[0]).requested, fresh(two[1]).requested) == ("running", "stopped")


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("set_ring", {"ring": "inner"}, "ring"),
        ("set_ring", {}, "ring"),
        ("set_maintenance_window", {"maintenance_window": {"days": []}}, "maintenance_window.days"),
        ("stop", {"when": "in_window"}, "when"),
        ("version", {}, "kind"),
    ],
)
def test_what_can_not_be_had_is_refused_naming_the_field(two, msp, maria, kind, more, field):
    with pytest.raises(Invalid) as caught:
        begin(maria, msp, order(kind, two, **more))
    assert field in (caught.value.field, *(fault.field for fault in caught.value.errors))


def test_several_may_be_under_way_and_roll_outs_still_only_one_of_a_kind(two, msp, maria):
    for _ in range(2):
        begin(maria, msp, order("rotate_certificates", two))
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        terms = {"organization": msp, "kind": "version", "arguments": {"version": "4.14.6"}, "soak_hours": 9}
        actions.start(by=actor, **terms)
        with pytest.raises(Conflict):
            actions.start(by=actor, **terms)
        assert queries.rollouts_of(actor, msp).count() == 3


def test_passwords_and_certificates_ask_a_session_who_is_at_it(two, msp, maria):
    actor = actor_for(maria).with_proofs([(msp.pk, "platform")], confirmed=False)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotConfirmed):
        bulk.begin(actor, msp, order("rotate_credentials", two))


def test_tenants_of_a_view_are_those_that_fit_then(two, msp, maria):
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        view = views.save(by=actor, msp=msp, name="Canaries", asked=Asked.read({"ring": "canary"}))
        assert bulk.tenants_of_view(actor, msp, view.pk) == [two[0].pk]
        views.change(by=actor, view=view, asked=Asked.read({"state": "failed"}))
        with pytest.raises(Invalid):
            bulk.tenants_of_view(actor, msp, view.pk)


def test_the_page_shows_what_it_would_do_and_begins_it(two, msp, maria):
    browser = session_of(maria)
    chosen = "&".join(f"tenants={tenant.pk}" for tenant in two)
    listed = browser.get(f"/o/{msp.pk}/?select=1").content.decode()
    assert listed.count('name="tenants"') == 2
    shown = browser.get(f"/o/{msp.pk}/fleet/act/?what=stop&{chosen}").content.decode()
    assert shown.count("Takes it") == 2
    assert "Nothing was done yet." in shown
    begun = browser.post(f"/o/{msp.pk}/fleet/act/", {"what": "stop", "tenants": [tenant.pk for tenant in two]})
    assert begun.status_code == 302
    beat()
    page = browser.get(begun["Location"]).content.decode()
    assert "Office" in page
    assert "between rings" not in page
    assert [fresh(tenant).requested for tenant in two] == ["stopped", "stopped"]
    assert browser.get(f"/o/{msp.pk}/fleet/act/?what=stop").status_code == 422


def test_the_api_tries_begins_and_refuses(two, msp, maria):
    browser, at = session_of(maria), f"/api/v1/organizations/{msp.pk}/fleet/actions"
    given = {"kind": "set_ring", "ring": "early", "tenants": [tenant.pk for tenant in two]}
    tried = browser.post(f"{at}?validate_only=true", given, content_type="application/json").json()
    assert (tried["title"], [each["outcome"] for each in tried["targets"]]) == ("Ring: Early", ["takes", "takes"])
    begun = browser.post(at, given, content_type="application/json")
    assert begun.status_code == 201
    beat()
    assert browser.get(begun["Location"]).json()["state"] == "finished"
    for wrong in ({"kind": "set_ring", "ring": "early"}, {**given, "view": "x"}, {**given, "tenants": ["x"]}):
        assert browser.post(at, wrong, content_type="application/json").status_code == 422, wrong
