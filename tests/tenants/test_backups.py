"""Backups: mirrored from the edge, made on demand, and the two ways back from one."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from billing.models import Subscription
from billing.problems import QuotaExceeded
from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid
from tenants.protection.backups import actions as backups
from tenants.protection.backups import queries
from tenants.protection.backups.models import Backup
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, feed
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.problems import InvalidPlan, NotPossibleNow, OperationInProgress, PastPointOfNoReturn
from tenants.provisioning.reconciler import reconcile
from tenants.provisioning.timeline import tell
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db

DAILY = "bak_" + "d" * 20


def kept(tenant: Tenant) -> list[Backup]:
    with rls.acting_as(f"org:{tenant.organization_id}"):
        return list(Backup.objects.filter(tenant=tenant))


@pytest.fixture
def daily(running, edge) -> Backup:
    """A backup that the edge made by itself."""
    edge.backed_up(running.pk, DAILY, kind="scheduled")
    read_feed()
    (backup,) = kept(running)
    return backup


@pytest.fixture
def restore(alice_acts):
    def ask(backup: Backup, name: str = "Office") -> Operation:
        with rls.acting_as(alice_acts.rls_actor):
            return backups.restore(by=alice_acts, backup=backup, confirm_name=name)

    return ask


@pytest.fixture
def clone(alice_acts):
    def ask(backup: Backup, name: str = "Trial run", **wishes: object) -> tuple[Tenant, Operation]:
        with rls.acting_as(alice_acts.rls_actor):
            return backups.clone(by=alice_acts, backup=backup, name=name, **wishes)

    return ask


def sent(edge, method: str, end: str = "") -> dict:
    calls = [call for call in edge.requests if call.method == method and call.url.path.endswith(end)]
    return json.loads(calls[-1].content)


# Mirrored


def test_what_the_edge_makes_by_itself_is_listed_until_it_ends(running, daily, edge, alice_acts):
    assert (daily.kind, daily.state, daily.pending, daily.size_bytes) == (
        "scheduled",
        "succeeded",
        False,
        2_341_000_000,
    )
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.backups_of(alice_acts, running).count() == 1
        Backup.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
        assert queries.backups_of(alice_acts, running).count() == 0
    edge.backed_up(running.pk, "bak_" + "e" * 20)
    read_feed()
    assert [backup.pk for backup in kept(running)] == ["bak_" + "e" * 20]


def test_an_older_word_of_a_backup_does_not_unmake_it(running, daily, edge):
    edge.backups[running.pk][0]["state"] = "running"
    edge.publish(running.pk, "backup", edge.backups[running.pk][0])
    read_feed()
    assert kept(running)[0].state == "succeeded"


def test_reading_everything_anew_finds_what_was_missed_and_forgets_what_is_gone(running, daily, edge):
    edge.backups[running.pk] = []
    edge.back_up(running.pk, "bak_" + "f" * 20, kind="before-change")
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    assert [backup.pk for backup in kept(running)] == ["bak_" + "f" * 20]


def test_one_malformed_word_of_a_backup_delays_no_other_change(running, daily, edge):
    edge.publish(running.pk, "backup", {"id": "bak_x", "state": "melted"})
    edge.backed_up(running.pk, "bak_" + "e" * 20)
    read_feed()
    assert len(kept(running)) == 2


# On demand


def test_one_is_made_on_demand_under_the_id_that_is_answered(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        asked = backups.back_up(by=alice_acts, tenant=running)
        assert asked.pending
        with pytest.raises(Conflict):
            backups.back_up(by=alice_acts, tenant=running)
        entry = AuditEntry.objects.get(action="tenants.tenant.back_up")
    assert entry.data["backup"] == asked.pk
    edge.lose_answer_of_next("/backups")
    deliver()
    assert [each["id"] for each in edge.backups[running.pk]] == [asked.pk]
    assert not kept(running)[0].pending
    edge.backed_up(running.pk, asked.pk)
    read_feed()
    assert (kept(running)[0].state, kept(running)[0].requested_by) == ("succeeded", alice_acts.user_id)


def test_one_that_the_edge_refuses_says_why_and_blocks_no_other(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        backups.back_up(by=alice_acts, tenant=running)
    edge.fail_next("/backups", refusal(410, "TENANT_DELETED"))
    deliver()
    (refused,) = kept(running)
    assert (refused.state, refused.pending, refused.error["code"]) == ("failed", False, "TENANT_DELETED")
    assert edge.count("POST") == 1
    with rls.acting_as(alice_acts.rls_actor):
        assert backups.back_up(by=alice_acts, tenant=running).pending


def test_a_tenant_that_never_ran_has_nothing_to_back_up(tenant, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        backups.back_up(by=alice_acts, tenant=tenant)


# In place


def test_a_restore_goes_to_the_edge_and_is_followed_to_its_end(running, daily, restore, edge):
    operation = restore(daily)
    assert list(states(operation)) == ["submit", *(step["name"] for step in edge.steps_of(None, "restore", ""))]
    generation = running.generation
    deliver()
    body = sent(edge, "POST", "/restore")
    assert (body["operation_id"], body["backup"]) == (operation.pk, DAILY)
    edge.progress(running.pk, "indexer")
    read_feed()
    assert [reason["code"] for reason in fresh(running).attention] == ["BACKUP_RESTORES"]
    edge.finish(running.pk)
    read_feed()
    assert (fresh(operation).state, set(states(operation).values())) == ("succeeded", {"succeeded"})
    assert (fresh(running).status, fresh(running).generation) == ("running", generation)
    with all_rows():
        entry = AuditEntry.objects.get(action="tenants.tenant.restore")
    assert (entry.data["backup"], entry.data["operation"]) == (DAILY, operation.pk)


def test_it_is_asked_for_by_the_typed_name_alone_and_by_who_may(running, daily, restore, vera):
    with pytest.raises(Invalid) as refused:
        restore(daily, "office")
    assert refused.value.field == "confirm_name"
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        backups.restore(by=actor, backup=daily, confirm_name="Office")


def test_an_answer_that_was_lost_restores_once(running, daily, restore, edge):
    operation = restore(daily)
    edge.lose_answer_of_next("/restore")
    deliver()
    assert (edge.count("/restore"), len(edge.restored)) == (2, 1)
    assert fresh(operation).state == "running"


def test_before_the_edge_has_it_a_restore_is_taken_back_and_not_later(running, daily, restore, edge, alice_acts):
    first = restore(daily)
    with rls.acting_as(alice_acts.rls_actor):
        actions.cancel(by=alice_acts, operation=first)
    deliver()
    assert edge.count("/restore") == 0
    second = restore(daily)
    deliver()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(PastPointOfNoReturn):
        actions.cancel(by=alice_acts, operation=fresh(second))


def test_a_restore_that_failed_is_retried_and_an_old_word_of_its_failure_does_not_end_it(
    running, daily, restore, edge, alice_acts
):
    operation = restore(daily)
    deliver()
    edge.break_run(running.pk, "put_state")
    read_feed()
    assert fresh(operation).state == "failed"
    assert "a backup of what was there before" in tell(fresh(operation)).kept
    edge.views[running.pk]["observed"] = "running"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=fresh(operation))
    assert set(states(operation).values()) == {"pending"}
    edge.lose_answer_of_next("/restore")
    edge.fail_next("/restore", refusal(503, "EDGE_BUSY", retryable=True))
    edge.publish(running.pk)
    deliver()
    edge.publish(running.pk)
    read_feed()
    assert fresh(operation).is_open
    deliver()
    assert len(edge.restored) == 2
    edge.finish(running.pk)
    read_feed()
    assert (fresh(operation).state, set(states(operation).values())) == ("succeeded", {"succeeded"})


def test_what_is_stopped_busy_or_of_an_older_version_is_not_restored(running, daily, restore, edge, alice_acts):
    edge.backed_up(running.pk, "bak_" + "n" * 20, version="4.15.0")
    edge.back_up(running.pk, "bak_" + "u" * 20)
    read_feed()
    by_id = {backup.pk[4]: backup for backup in kept(running)}
    for backup in (by_id["n"], by_id["u"]):
        with pytest.raises(NotPossibleNow):
            restore(backup)
    restore(daily)
    with pytest.raises(OperationInProgress):
        restore(daily)
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
    with pytest.raises(NotPossibleNow):
        restore(daily)
    deliver()
    assert edge.count("/restore") == 0


# As another tenant


def test_a_clone_is_a_tenant_of_the_organization_with_its_sources_settings(running, daily, clone, edge, acme):
    made, operation = clone(daily)
    assert (made.organization_id, made.cell_id, made.status) == (acme.pk, running.cell_id, "provisioning")
    assert made.spec == running.spec
    with all_rows():
        assert Subscription.objects.get(organization=acme).tenants_used == 2
        assert Cell.objects.get().placed == 2
    reconcile(made.pk)
    assert sent(edge, "PUT")["from"] == {"tenant": running.pk, "backup": DAILY}
    assert list(states(operation))[:2] == ["submit", "copy"]
    edge.finish(made.pk)
    read_feed()
    assert (fresh(made).status, fresh(made).copy_from, fresh(operation).state) == ("running", None, "succeeded")
    with all_rows():
        entry = AuditEntry.objects.get(action="tenants.tenant.clone")
    assert (entry.target, entry.data["source"], entry.data["backup"]) == (made.pk, running.pk, DAILY)


def test_a_clone_that_has_its_data_asks_for_them_no_more(daily, clone, edge, alice_acts):
    made, _ = clone(daily)
    reconcile(made.pk)
    edge.finish(made.pk)
    read_feed()
    for act in (actions.stop, actions.start):
        with rls.acting_as(alice_acts.rls_actor):
            act(by=alice_acts, tenant=made)
        reconcile(made.pk)
        assert "from" not in sent(edge, "PUT")
        edge.finish(made.pk)
        read_feed()


@pytest.mark.parametrize("how", ["lost", "failed"])
def test_a_clone_that_is_retried_takes_its_data_along_again(daily, clone, edge, alice_acts, how):
    made, operation = clone(daily)
    if how == "lost":
        edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    reconcile(made.pk)
    if how == "failed":
        edge.break_run(made.pk, "copy")
        read_feed()
    assert fresh(operation).state == "failed"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=fresh(operation))
    reconcile(made.pk)
    body = sent(edge, "PUT")
    assert (body["operation_id"], body["from"]["backup"]) == (operation.pk, DAILY)
    edge.finish(made.pk)
    read_feed()
    assert fresh(operation).state == "succeeded"


def test_a_clone_takes_a_place_of_the_plan_and_a_version_that_reads_the_backup(running, daily, clone, edge, acme):
    edge.backed_up(running.pk, "bak_" + "n" * 20, version="4.15.0")
    read_feed()
    newer = next(backup for backup in kept(running) if backup.pk != DAILY)
    with pytest.raises(InvalidPlan) as refused:
        clone(newer)
    assert refused.value.errors[0].field == "version"
    with all_rows():
        Subscription.objects.filter(organization=acme).update(tenants_used=100)
    with pytest.raises(QuotaExceeded):
        clone(daily)


# Doors


def test_programs_back_up_restore_and_clone(api, running, daily, edge):
    listed = api.get(f"tenants/{running.pk}/backups").json()["results"]
    assert [(each["id"], each["kind"], each["size_bytes"]) for each in listed] == [(DAILY, "scheduled", 2_341_000_000)]
    made = api.post(f"tenants/{running.pk}/backups", {})
    assert (made.status_code, made.json()["pending"]) == (202, True)
    assert api.get(made["Location"].removeprefix("/api/v1/")).json()["id"] == made.json()["id"]
    refused = api.post(f"tenants/{running.pk}/restore", {"backup": DAILY, "confirm_name": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "confirm_name")
    missing = api.post(f"tenants/{running.pk}/restore", {"backup": "bak_none", "confirm_name": "Office"})
    assert missing.status_code == 404
    asked = api.post(f"tenants/{running.pk}/restore", {"backup": DAILY, "confirm_name": "Office"}).json()
    assert (asked["operation"]["kind"], asked["operation"]["arguments"]) == ("restore", {"backup": DAILY})
    cloned = api.post(
        f"tenants/{running.pk}/clone", {"backup": DAILY, "name": "Copy", "sleep_after_minutes": 30}
    ).json()
    assert (cloned["tenant"]["name"], cloned["tenant"]["sleep_after_minutes"]) == ("Copy", 30)
    assert cloned["operation"]["kind"] == "clone"


def test_pages_show_backups_and_lead_back_from_them(running, daily, alice, edge):
    edge.views[running.pk]["next_backup_at"] = (timezone.now() + dt.timedelta(hours=20)).isoformat()
    edge.publish(running.pk)
    read_feed()
    client = session_of(alice)
    page = client.get(f"/t/{running.pk}/backups/").content.decode()
    for words in ("2.3 GB", "Every day", "in 20 h", "Back up now"):
        assert words in page
    assert "Pending at the edge" in client.post(f"/t/{running.pk}/backups/new/", follow=True).content.decode()
    one = f"/t/{running.pk}/backups/{DAILY}/"
    wrong = client.post(f"{one}restore/", {"confirm_name": "x"})
    assert (wrong.status_code, "Nothing was changed" in wrong.content.decode()) == (422, True)
    made = client.post(f"{one}clone/", {"name": "Copy", "version": "4.14.7"}, follow=True).content.decode()
    assert "Copy is on its way" in made
    assert "The backup&#x27;s data, without its secrets" in made
    restored = client.post(f"{one}restore/", {"confirm_name": "Office"}, follow=True).content.decode()
    assert "Restore backup" in restored


def test_a_feed_without_an_epoch_reads_what_the_edge_has_already(running, edge):
    edge.backed_up(running.pk, DAILY)
    with all_rows():
        Cell.objects.update(feed_epoch="", feed_seq=99)
        owner = feed.claim_feed("lo")
    feed.read_once("lo", owner)
    reconcile(running.pk)
    assert operation_of(running).kind == "create"
    assert [backup.pk for backup in kept(running)] == [DAILY]
