"""The recycle bin: a deleted tenant can be had back for a week, and is erased after it, whatever is lost meanwhile."""

import datetime as dt

import pytest
from django.utils import timezone

from billing import actions as billing
from billing.models import Subscription
from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Forbidden, Invalid
from tenants.protection import tasks
from tenants.protection.deletion import actions as deletion
from tenants.protection.deletion import recycling
from tenants.provisioning import actions, queries
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow, PastPointOfNoReturn
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, operation_of, read_feed

pytestmark = pytest.mark.django_db


def settle(tenant, edge):
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    return fresh(tenant)


@pytest.fixture
def ask(alice_acts):
    """Asks something of a tenant as alice."""

    def asked(act, tenant, **more):
        with rls.acting_as(alice_acts.rls_actor):
            return act(by=alice_acts, tenant=tenant, **more)

    return asked


@pytest.fixture
def binned(running, edge, ask) -> Tenant:
    """A tenant that ran, was deleted, and has stopped."""
    ask(deletion.delete, running, confirm_name="Office")
    return settle(running, edge)


def mails(template: str) -> int:
    with all_rows():
        return Mail.objects.filter(template=template).count()


def wait_until(tenant: Tenant, *, before: dt.timedelta) -> None:
    """Let time pass until so long before the erasure."""
    with all_rows():
        Tenant.objects.filter(pk=tenant.pk).update(erases_at=timezone.now() + before)


def newest_kind(tenant: Tenant) -> tuple[str, str]:
    operation = operation_of(tenant)
    return operation.kind, operation.source


def test_a_deleted_tenant_stops_keeps_its_data_and_says_until_when(binned, edge, alice):
    body = edge.bodies[binned.pk]
    assert (binned.status, body["requested"]) == ("binned", "stopped")
    assert body["bin"] == {"erases_at": binned.erases_at.isoformat().replace("+00:00", "Z")}
    assert dt.timedelta(days=6, hours=23) < binned.erases_at - timezone.now() <= deletion.KEPT
    assert operation_of(binned).state == "succeeded"
    assert edge.count("DELETE") == 0
    assert mails("tenant_binned") == 1
    page = session_of(alice).get(f"/o/{binned.organization_id}/bin/").content.decode()
    assert "Office" in page
    assert "alice" in page.lower()
    assert "Undelete" in page
    assert "In the recycle bin" in session_of(alice).get(f"/t/{binned.pk}/").content.decode()


def test_it_keeps_its_place_and_its_name_and_is_on_no_list_but_the_bins(binned, acme, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        assert Cell.objects.get().placed == 1
        assert Subscription.objects.get(organization=acme).tenants_used == 1
        assert list(queries.living(alice_acts)) == []
        assert list(queries.in_bin(alice_acts, acme.pk)) == [binned]


@pytest.mark.parametrize("was", ["running", "stopped"])
def test_undeleted_it_is_what_it_was(running, edge, ask, was):
    if was == "stopped":
        ask(actions.stop, running)
        settle(running, edge)
    ask(deletion.delete, running, confirm_name="Office")
    settle(running, edge)
    undone = ask(deletion.undelete, running)
    back = settle(running, edge)
    assert (back.status, fresh(undone).state) == (was, "succeeded")
    assert "bin" not in edge.bodies[running.pk]
    assert (back.binned_at, back.erases_at, back.binned_by) == (None, None, "")


def test_what_was_never_started_goes_in_and_out_without_the_edge(tenant, edge, ask):
    ask(deletion.delete, tenant, confirm_name="Office")
    reconcile(tenant.pk)
    assert (fresh(tenant).status, edge.calls) == ("binned", [])
    ask(deletion.undelete, tenant)
    assert settle(tenant, edge).status == "running"


def test_undeleted_while_its_organization_is_suspended_it_waits_for_that_to_end(binned, edge, ask):
    dunning = Actor.system("dunning", organization_id=binned.organization_id)
    with rls.acting_as(dunning.rls_actor):
        billing.suspend(by=dunning, organization_id=binned.organization_id)
    ask(deletion.undelete, binned)
    assert settle(binned, edge).status == "stopped"
    assert fresh(binned).requested == "running"


def test_in_the_bin_nothing_else_is_asked_of_it(binned, ask):
    for act in (actions.start, actions.stop):
        with pytest.raises(NotPossibleNow, match="recycle bin"):
            ask(act, binned)
    with pytest.raises(NotPossibleNow, match="deleted already"):
        ask(deletion.delete, binned, confirm_name="Office")


def test_it_is_erased_early_only_from_the_bin_and_by_its_typed_name(running, edge, ask):
    with pytest.raises(NotPossibleNow, match="Nothing was erased"):
        ask(deletion.erase, running, confirm_name="Office")
    ask(deletion.delete, running, confirm_name="Office")
    with pytest.raises(Invalid):
        ask(deletion.erase, running, confirm_name="office")
    erasure = ask(deletion.erase, running, confirm_name="Office")
    assert settle(running, edge).status == "deleted"
    assert fresh(erasure).state == "succeeded"
    assert Cell.objects.get().placed == 0


def test_an_erasure_is_taken_back_until_the_edge_was_told(binned, edge, ask):
    erasure = ask(deletion.erase, binned, confirm_name="Office")
    ask(deletion.undelete, binned)
    assert fresh(erasure).state == "cancelled"
    assert settle(binned, edge).status == "running"
    ask(deletion.delete, binned, confirm_name="Office")
    ask(deletion.erase, binned, confirm_name="Office")
    reconcile(binned.pk)
    with pytest.raises(PastPointOfNoReturn):
        ask(deletion.undelete, binned)


def test_a_day_before_its_end_the_owners_are_told_once_and_then_it_is_erased(binned, edge):
    tasks.look_into_bins()
    assert (mails("tenant_erasure"), newest_kind(binned)) == (0, ("delete", "user"))
    wait_until(binned, before=dt.timedelta(hours=23))
    tasks.look_into_bins()
    tasks.look_into_bins()
    assert (mails("tenant_erasure"), newest_kind(binned)) == (1, ("delete", "user"))
    wait_until(binned, before=dt.timedelta(seconds=-1))
    tasks.look_into_bins()
    assert newest_kind(binned) == ("erase", "system")
    assert recycling.due(timezone.now()) == []
    assert settle(binned, edge).status == "deleted"
    with all_rows():
        told = AuditEntry.objects.filter(target=binned.pk, action__startswith="tenants.tenant.era")
        assert [entry.action for entry in told.order_by("position")] == [
            "tenants.tenant.erasure_announced",
            "tenants.tenant.erase",
            "tenants.tenant.erased",
        ]


def test_what_is_protected_is_never_erased_and_one_that_was_taken_out_neither(binned, edge, ask):
    ask(deletion.set_protection, binned, protected=True)
    wait_until(binned, before=dt.timedelta(days=-1))
    with pytest.raises(Conflict):
        ask(deletion.erase, binned, confirm_name="Office")
    now = timezone.now()
    assert recycling.due(now) == []
    assert recycling.look(binned.organization_id, binned.pk, now) == ""
    ask(deletion.set_protection, binned, protected=False)
    (row,) = recycling.due(now)
    ask(deletion.undelete, binned)
    assert recycling.look(row["organization_id"], row["id"], now) == ""
    assert settle(binned, edge).status == "running"


def test_who_may_not_delete_takes_nothing_out_and_erases_nothing(binned, bob):
    actor = actor_for(bob)
    with rls.acting_as(actor.rls_actor):
        for act, more in ((deletion.undelete, {}), (deletion.erase, {"confirm_name": "Office"})):
            with pytest.raises(Forbidden):
                act(by=actor, tenant=binned, **more)
    page = session_of(bob).get(f"/o/{binned.organization_id}/bin/").content.decode()
    assert "Undelete" not in page


def test_deleting_and_erasing_by_the_pages(running, edge, alice):
    browser = session_of(alice)
    missed = browser.post(f"/t/{running.pk}/delete/", {"confirm_name": "Offic"})
    assert missed.status_code == 422
    assert browser.post(f"/t/{running.pk}/delete/", {"confirm_name": "Office"})["Location"].endswith("/bin/")
    settle(running, edge)
    assert browser.post(f"/t/{running.pk}/undelete/").status_code == 302
    settle(running, edge)
    browser.post(f"/t/{running.pk}/delete/", {"confirm_name": "Office"})
    assert browser.post(f"/t/{running.pk}/erase/", {"confirm_name": "x"}).status_code == 422
    assert browser.post(f"/t/{running.pk}/erase/", {"confirm_name": "Office"}).status_code == 302
    with all_rows():
        assert Operation.objects.filter(tenant=running, kind="erase").count() == 1
