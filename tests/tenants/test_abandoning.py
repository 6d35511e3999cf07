"""Giving up what failed: one action that undoes what it left, with steps of its own."""

import pytest

from billing.models import Plan, Subscription
from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict
from tenants.protection.backups import actions as backups
from tenants.protection.backups.models import Backup
from tenants.protection.deletion import abandoning
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, versions
from tenants.provisioning.models import Cell, Operation
from tenants.provisioning.problems import NotPossibleNow, OperationInProgress
from tenants.provisioning.reconciler import reconcile
from tests.cast import session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, make_due, operation_of, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def abandon(alice_acts):
    def ask(operation: Operation) -> Operation:
        with rls.acting_as(alice_acts.rls_actor):
            return abandoning.abandon(by=alice_acts, operation=operation)

    return ask


@pytest.mark.parametrize("how", ["refused here", "failed there"])
def test_a_creation_that_failed_is_erased_and_its_place_given_back(tenant, edge, abandon, acme, how):
    if how == "refused here":
        edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    reconcile(tenant.pk)
    if how == "failed there":
        edge.break_run(tenant.pk, "indexer")
        read_feed()
    creation = operation_of(tenant)
    cleaning = abandon(creation)
    assert (cleaning.kind, list(states(cleaning))) == ("abandon", ["submit", "stop", "erase"])
    with pytest.raises(OperationInProgress):
        abandon(creation)
    edge.lose_answer_of_next("DELETE")
    reconcile(tenant.pk)
    make_due(tenant)
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    assert (fresh(cleaning).state, fresh(tenant).status, fresh(creation).state) == ("succeeded", "deleted", "failed")
    with all_rows():
        assert (Subscription.objects.get(organization=acme).tenants_used, Cell.objects.get().placed) == (0, 0)
        entry = AuditEntry.objects.get(action="tenants.tenant.abandon")
    assert entry.data["abandons"] == creation.pk


def test_a_clean_up_that_failed_is_retried(tenant, edge, abandon, alice_acts):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    cleaning = abandon(operation_of(tenant))
    edge.fail_next("DELETE", refusal(422, "INVALID_REQUEST"))
    reconcile(tenant.pk)
    assert fresh(cleaning).state == "failed"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=fresh(cleaning))
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    assert (fresh(cleaning).state, fresh(tenant).status) == ("succeeded", "deleted")


def test_a_clone_that_failed_is_erased_and_its_source_is_not(running, edge, abandon, alice_acts):
    edge.backed_up(running.pk, "bak_" + "d" * 20)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        made, cloning = backups.clone(by=alice_acts, backup=Backup.objects.get(), name="Copy")
    reconcile(made.pk)
    edge.break_run(made.pk, "copy")
    read_feed()
    cleaning = abandon(fresh(cloning))
    reconcile(made.pk)
    edge.finish(made.pk)
    read_feed()
    assert (fresh(cleaning).state, fresh(made).status, fresh(running).status) == ("succeeded", "deleted", "running")


def test_a_protected_tenant_is_not_erased_so_either(tenant, edge, abandon, alice_acts):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        deletion.set_protection(by=alice_acts, tenant=tenant, protected=True)
    with pytest.raises(Conflict) as refused:
        abandon(operation_of(tenant))
    assert refused.value.code == "TENANT_PROTECTED"


def test_sizes_that_failed_return_to_those_before_and_to_the_plan_before(running, edge, abandon, alice_acts):
    with all_rows():
        trial = Plan.objects.get(code="trial")
        roles = {**trial.roles, "indexer": {"count": 1, "instance": "standard-4"}}
        limits = {name: getattr(trial, name) for name in ("max_tenants", "max_agents", "max_retention_days")}
        Plan.objects.create(code="huge", name="Huge", price_cents=9000, roles=roles, **limits)
    with rls.acting_as(alice_acts.rls_actor):
        operation = versions.resize(by=alice_acts, tenant=running, plan="huge")
    reconcile(running.pk)
    edge.break_run(running.pk, "manager")
    read_feed()
    assert fresh(running).status == "failed"
    returning = abandon(fresh(operation))
    assert returning.kind == "revert"
    reconcile(running.pk)
    assert edge.bodies[running.pk]["plan"] == running.spec
    edge.finish(running.pk)
    read_feed()
    assert (fresh(returning).state, fresh(running).status) == ("succeeded", "running")
    with all_rows():
        assert Subscription.objects.get(organization_id=running.organization_id).plan_id == "trial"


def test_what_the_edge_took_back_by_itself_leaves_nothing_to_abandon(running, edge, abandon, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        operation = versions.upgrade(by=alice_acts, tenant=running, version="4.14.6")
    reconcile(running.pk)
    edge.roll_back(running.pk, "manager")
    read_feed()
    with pytest.raises(NotPossibleNow):
        abandon(fresh(operation))


def test_a_start_that_failed_is_stopped_and_only_the_newest_failure_is_abandoned(running, edge, abandon, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=running)
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        start = actions.start(by=alice_acts, tenant=fresh(running))
    with pytest.raises(NotPossibleNow):
        abandon(start)
    reconcile(running.pk)
    edge.break_run(running.pk, "manager")
    read_feed()
    stopping = abandon(fresh(start))
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert (stopping.kind, fresh(stopping).state, fresh(running).status) == ("stop", "succeeded", "stopped")
    with pytest.raises(NotPossibleNow):
        abandon(fresh(start))


def test_the_operations_page_and_the_api_offer_it(api, tenant, edge, alice):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    failed = operation_of(tenant)
    client = session_of(alice)
    page = client.get(f"/t/{tenant.pk}/operations/{failed.pk}/").content.decode()
    assert "Abandon and clean up" in page
    told = api.post(f"operations/{failed.pk}/abandon?validate_only=true").json()
    assert (told["kind"], told["price_a_month"]["tenant_after_cents"]) == ("abandon", 0)
    done = client.post(f"/t/{tenant.pk}/operations/{failed.pk}/abandon/", follow=True).content.decode()
    assert "Create tenant is abandoned" in done
    refused = api.post(f"operations/{failed.pk}/abandon")
    assert (refused.status_code, refused.json()["code"]) == (409, "OPERATION_IN_PROGRESS")
