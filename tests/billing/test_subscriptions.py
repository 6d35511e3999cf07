"""Subscriptions: begun with the organization, changed on record, and counted exactly."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing import actions
from billing.entitlements import entitlement_of
from billing.models import Plan, Subscription
from billing.problems import PlanTooSmall, QuotaExceeded
from billing.queries import subscription_of
from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, Delivery, Message
from controlplane.problems import Forbidden, NotFound
from organizations.models import Grant
from tests.cast import actor_for
from tests.database import all_rows
from tests.deliveries import deliver_due


@pytest.fixture
def staff(acme):
    """The platform itself, working for Acme."""
    actor = Actor.system("billing", organization_id=acme.pk)
    with rls.acting_as(actor.rls_actor):
        yield actor


@pytest.mark.django_db
def test_an_organization_without_a_subscription_has_a_trials_limits(acme, staff):
    entitlement = entitlement_of(acme.pk)
    assert (entitlement.plan.code, entitlement.max_tenants, entitlement.suspended) == ("trial", 3, False)


@pytest.mark.django_db(transaction=True)
def test_a_new_organization_begins_with_a_trial(acme):
    with all_rows():
        assert Delivery.objects.filter(message__topic="organizations.organization.created").exists()
    deliver_due()
    with rls.acting_as(f"org:{acme.pk}"):
        assert Subscription.objects.get(organization=acme).plan_id == "trial"


@pytest.mark.django_db
def test_a_trial_is_begun_once(acme, staff):
    assert actions.start_trial(organization_id=acme.pk) == actions.start_trial(organization_id=acme.pk)


@pytest.mark.django_db
def test_places_are_taken_given_back_and_never_below_nothing(acme, staff):
    for _ in range(3):
        actions.reserve_tenant(organization_id=acme.pk)
    with pytest.raises(QuotaExceeded):
        actions.reserve_tenant(organization_id=acme.pk)
    actions.release_tenant(organization_id=acme.pk)
    actions.reserve_tenant(organization_id=acme.pk)
    for _ in range(5):
        actions.release_tenant(organization_id=acme.pk)
    assert Subscription.objects.get().tenants_used == 0


@pytest.mark.django_db(transaction=True)
def test_who_races_for_the_last_place_gets_it_once(acme):
    with rls.acting_as(f"org:{acme.pk}"):
        actions.reserve_tenant(organization_id=acme.pk)
        actions.reserve_tenant(organization_id=acme.pk)
    start, outcomes = threading.Barrier(8), []

    def take() -> None:
        start.wait()
        try:
            with rls.acting_as(f"org:{acme.pk}"):
                actions.reserve_tenant(organization_id=acme.pk)
            outcomes.append("taken")
        except QuotaExceeded:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["taken"]
    with rls.acting_as(f"org:{acme.pk}"):
        assert Subscription.objects.get(organization=acme).tenants_used == 3


@pytest.mark.django_db
def test_a_larger_plan_brings_its_limits_and_is_on_record(acme, staff):
    actions.change_plan(by=staff, organization_id=acme.pk, plan=Plan.objects.get(code="large"))
    assert entitlement_of(acme.pk).max_tenants == 500
    assert AuditEntry.objects.get(action="billing.subscription.change_plan").data == {"plan": "large"}
    assert Message.objects.filter(topic=actions.CHANGED).count() == 1


@pytest.mark.django_db
def test_a_plan_that_is_too_small_for_what_is_in_use_is_refused(acme, staff):
    actions.change_plan(by=staff, organization_id=acme.pk, plan=Plan.objects.get(code="large"))
    for _ in range(4):
        actions.reserve_tenant(organization_id=acme.pk)
    with pytest.raises(PlanTooSmall):
        actions.change_plan(by=staff, organization_id=acme.pk, plan=Plan.objects.get(code="trial"))
    assert entitlement_of(acme.pk).plan.code == "large"


@pytest.mark.django_db
def test_suspension_and_its_end_are_on_record_and_published(acme, staff):
    actions.suspend(by=staff, organization_id=acme.pk)
    assert entitlement_of(acme.pk).suspended
    actions.resume(by=staff, organization_id=acme.pk)
    assert not entitlement_of(acme.pk).suspended
    actions_told = AuditEntry.objects.filter(action__startswith="billing.").order_by("position")
    assert [entry.action.rpartition(".")[2] for entry in actions_told] == ["suspend", "resume"]
    assert Message.objects.filter(topic=actions.CHANGED).count() == 2


@pytest.mark.django_db
def test_without_its_entry_in_the_trail_nothing_changes(acme, staff, monkeypatch):
    def refuse(**_):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(RuntimeError):
        actions.suspend(by=staff, organization_id=acme.pk)
    assert not entitlement_of(acme.pk).suspended


@pytest.mark.django_db
@pytest.mark.parametrize(("person", "outcome"), [("vera", Forbidden), ("mallory", NotFound)])
def test_only_who_may_see_billing_sees_it(request, acme, rival, person, outcome):
    actor = actor_for(request.getfixturevalue(person))
    with rls.acting_as(actor.rls_actor), pytest.raises(outcome):
        subscription_of(actor, acme.pk)


@pytest.mark.django_db
def test_nobody_but_who_pays_changes_the_plan(acme, bob):
    actor = actor_for(bob)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        actions.change_plan(by=actor, organization_id=acme.pk, plan=Plan.objects.get(code="large"))


@pytest.mark.django_db
def test_an_operator_of_the_platform_sets_a_plan(acme):
    call_command("set_plan", organization=acme.pk, plan="standard", stdout=io.StringIO())
    with rls.acting_as(f"org:{acme.pk}"):
        assert entitlement_of(acme.pk).plan.code == "standard"
    with pytest.raises(CommandError):
        call_command("set_plan", organization=acme.pk, plan="none", stdout=io.StringIO())


@pytest.mark.django_db
def test_the_trail_tells_through_which_grant_an_msp_changed_the_plan(acme, paula):
    with all_rows():
        grant = Grant.objects.get(client=acme)
        Grant.objects.update(role_ceiling="owner")
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        actions.change_plan(by=actor, organization_id=acme.pk, plan=Plan.objects.get(code="large"))
    with rls.acting_as(f"org:{acme.pk}"):
        entry = AuditEntry.objects.get(action="billing.subscription.change_plan")
    assert entry.actor["grant"] == grant.pk
