"""What people ask for: one thing at a time, taken back while it can be, never twice by accident."""

import pytest
from django.db import IntegrityError, transaction

from controlplane import audit, rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Invalid
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, intents
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import (
    NotPossibleNow,
    OperationInProgress,
    PastPointOfNoReturn,
)
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.tenants.conftest import fresh, operation_of, read_feed
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def test_one_thing_at_a_time(tenant, as_alice):
    with pytest.raises(OperationInProgress) as refused:
        actions.stop(by=as_alice, tenant=tenant)
    assert refused.value.code == "OPERATION_IN_PROGRESS"
    assert refused.value.status == 409


def test_the_database_itself_allows_one_exclusive_operation(tenant, as_alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        intents.begin(tenant, "stop", Operation.Source.USER)


def test_a_deletion_supersedes_what_is_going_on(tenant, as_alice):
    creation = operation_of(tenant)
    asked = deletion.delete(by=as_alice, tenant=tenant, confirm_name="Office")
    assert fresh(creation).state == "cancelled"
    assert fresh(asked).state == "queued"
    with pytest.raises(NotPossibleNow):
        deletion.delete(by=as_alice, tenant=tenant, confirm_name="Office")


def test_a_tenant_is_deleted_only_by_its_typed_name(tenant, as_alice):
    with pytest.raises(Invalid) as refused:
        deletion.delete(by=as_alice, tenant=tenant, confirm_name="office")
    assert refused.value.field == "confirm_name"


def test_a_protected_tenant_is_deleted_only_after_its_protection_was_lifted(tenant, as_alice):
    deletion.set_protection(by=as_alice, tenant=tenant, protected=True)
    with pytest.raises(Conflict) as refused:
        deletion.delete(by=as_alice, tenant=tenant, confirm_name="Office")
    assert refused.value.code == "TENANT_PROTECTED"
    deletion.set_protection(by=as_alice, tenant=tenant, protected=False)
    assert deletion.delete(by=as_alice, tenant=tenant, confirm_name="Office").state == "queued"


def test_before_it_was_handed_over_a_creation_is_simply_taken_back(tenant, edge, as_alice):
    actions.cancel(by=as_alice, operation=operation_of(tenant))
    reconcile(tenant.pk)
    assert edge.calls == []
    assert fresh(tenant).status == "stopped"
    assert operation_of(tenant).state == "cancelled"


def test_before_it_was_handed_over_a_stop_is_taken_back_and_the_edge_never_hears_of_it(running, edge, as_alice):
    stop = actions.stop(by=as_alice, tenant=running)
    actions.cancel(by=as_alice, operation=stop)
    assert fresh(stop).state == "cancelled"
    reconcile(running.pk)
    assert edge.views[running.pk]["requested"] == "running"
    assert edge.views[running.pk]["run"]["operation_id"] == operation_of(running).pk != stop.pk
    edge.finish(running.pk)
    read_feed()
    assert fresh(running).status == "running"


@pytest.mark.parametrize("how", ["refused here", "failed there"])
def test_a_creation_that_is_taken_back_after_a_retry_leaves_nothing_running(tenant, edge, as_alice, how):
    if how == "refused here":
        edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    reconcile(tenant.pk)
    if how == "failed there":
        edge.break_run(tenant.pk, "indexer")
        read_feed()
    creation = operation_of(tenant)
    actions.retry(by=as_alice, operation=creation)
    actions.cancel(by=as_alice, operation=creation)
    reconcile(tenant.pk)
    assert edge.views[tenant.pk]["requested"] == "stopped"
    edge.finish(tenant.pk)
    read_feed()
    assert fresh(tenant).status == "stopped"


def test_an_erasure_that_the_edge_was_told_of_is_not_taken_back_after_a_retry(running, edge, as_alice):
    deletion.delete(by=as_alice, tenant=running, confirm_name="Office")
    erasure = deletion.erase(by=as_alice, tenant=running, confirm_name="Office")
    edge.fail_next("DELETE", refusal(422, "INVALID_REQUEST"))
    reconcile(running.pk)
    actions.retry(by=as_alice, operation=fresh(erasure))
    with pytest.raises(NotPossibleNow):
        actions.cancel(by=as_alice, operation=fresh(erasure))
    with pytest.raises(PastPointOfNoReturn):
        deletion.undelete(by=as_alice, tenant=running)
    assert fresh(running).requested == "deleted"


def test_a_deletion_taken_back_leaves_what_was_asked_for_before(running, edge, as_alice):
    actions.stop(by=as_alice, tenant=running)
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    actions.start(by=as_alice, tenant=running)
    asked = deletion.delete(by=as_alice, tenant=running, confirm_name="Office")
    with pytest.raises(NotPossibleNow, match="goes on"):
        actions.cancel(by=as_alice, operation=asked)
    deletion.undelete(by=as_alice, tenant=running)
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert (fresh(running).requested, fresh(running).status) == ("running", "running")


def test_stopping_what_was_never_started_is_done_at_once(tenant, edge, as_alice):
    actions.cancel(by=as_alice, operation=operation_of(tenant))
    stop = actions.stop(by=as_alice, tenant=tenant)
    reconcile(tenant.pk)
    assert edge.calls == []
    assert (fresh(stop).state, fresh(tenant).status) == ("succeeded", "stopped")
    assert actions.start(by=as_alice, tenant=tenant).state == "queued"


def test_a_start_under_way_is_undone_by_a_stop_of_its_own(tenant, edge, as_alice):
    reconcile(tenant.pk)
    creation = operation_of(tenant)
    actions.cancel(by=as_alice, operation=creation)
    undoing = operation_of(tenant)
    assert (fresh(creation).state, undoing.kind, undoing.source) == ("cancelled", "stop", "system")
    reconcile(tenant.pk)
    assert edge.views[tenant.pk]["requested"] == "stopped"
    edge.finish(tenant.pk)
    read_feed()
    assert fresh(tenant).status == "stopped"


def test_what_can_not_be_undone_is_not_taken_back(running, edge, as_alice):
    operation = actions.stop(by=as_alice, tenant=running)
    reconcile(running.pk)
    with pytest.raises(PastPointOfNoReturn):
        actions.cancel(by=as_alice, operation=operation)


def test_only_what_failed_is_retried_and_only_the_newest(running, edge, as_alice):
    creation = operation_of(running)
    with pytest.raises(NotPossibleNow):
        actions.retry(by=as_alice, operation=creation)
    actions.stop(by=as_alice, tenant=running)
    reconcile(running.pk)
    edge.break_run(running.pk, "manager")
    read_feed()
    failed = operation_of(running)
    actions.start(by=as_alice, tenant=running)
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with pytest.raises(NotPossibleNow):
        actions.retry(by=as_alice, operation=failed)


def test_every_request_leaves_its_entry_in_the_trail(tenant, edge, as_alice, acme):
    reconcile(tenant.pk)
    actions.cancel(by=as_alice, operation=operation_of(tenant))
    deletion.set_protection(by=as_alice, tenant=tenant, protected=True)
    told = AuditEntry.objects.filter(organization_id=acme.pk, action__startswith="tenants.").order_by("position")
    assert [entry.action for entry in told] == [
        "tenants.tenant.create",
        "tenants.operation.cancel",
        "tenants.tenant.protect",
    ]
    assert all(entry.actor["user"] == as_alice.user_id for entry in told)


@pytest.mark.parametrize("act", ["create", "stop", "delete"])
def test_without_its_entry_in_the_trail_nothing_happens(running, acme, as_alice, monkeypatch, act):
    def refuse(**_):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr(audit, "record", refuse)
    acts = {
        "create": lambda: actions.create(by=as_alice, organization=acme, name="More"),
        "stop": lambda: actions.stop(by=as_alice, tenant=running),
        "delete": lambda: deletion.delete(by=as_alice, tenant=running, confirm_name="Office"),
    }
    with pytest.raises(RuntimeError):
        acts[act]()
    assert Tenant.objects.count() == 1
    assert fresh(running).requested == "running"
    assert operation_of(running).kind == "create"


def test_what_an_msps_person_does_names_the_grant(running, msp, maria, acme):
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        actions.stop(by=actor, tenant=running)
        entry = AuditEntry.objects.filter(action="tenants.tenant.stop").get()
    assert entry.actor["user"] == maria.pk
    assert entry.actor["grant"].startswith("grant_")
