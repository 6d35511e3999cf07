"""
The portal's own code against the real edge: actions, reconciler, commands and the consumer of changes, with nothing in
between but HTTP. It holds the edge in memory of `tests/tenants` to what the real one does.
"""

import io
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from django.core.management import call_command

from controlplane import edge_keys, rls
from controlplane.actor import Actor
from controlplane.environment import environment
from local.agent.wazuh5 import Wazuh5Agent
from organizations.models import Organization, User
from tenants.access import actions as access
from tenants.access import queries as access_queries
from tenants.agents.moves import actions as moves
from tenants.agents.moves import following
from tenants.enrollment import actions as agents
from tenants.enrollment import queries as enrollment_queries
from tenants.enrollment.tasks import read_agents
from tenants.enrollment.tokens import actions as enrollment
from tenants.enrollment.tokens import native
from tenants.protection.backups import actions as backups
from tenants.protection.backups import queries as backup_queries
from tenants.protection.backups import schedule
from tenants.protection.deletion import actions as deletion
from tenants.protection.maintenance import rotation, sleeping
from tenants.protection.receipts import actions as receipts
from tenants.protection.receipts.models import Receipt
from tenants.provisioning import actions, claims
from tenants.provisioning.edge_api import EdgeApi, _client
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.contract import independent_agent5
from tests.contract.edge_process import DoorKey, Edge
from tests.contract.edge_visitors import Browser
from tests.database import all_rows
from tests.organizations.scim.directories import directory_of, provisioned
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed, states

pytestmark = pytest.mark.django_db

PATIENCE = 60.0
VERSIONS = ["4.14.7", "4.14.7-exits", "5.0.0-rc"]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    keys = {door: DoorKey(door, edge_keys.signing_key(door).private) for door in ("control", "access")}
    id_key = bytes.fromhex(environment().cell_id_keys["lo"])
    running = Edge(tmp_path_factory.mktemp("edge"), **keys, id_key=id_key)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def cell(db: None, edge: Edge) -> Cell:
    _client.cache_clear()
    zone = f"localhost:{edge.port}"
    cell = Cell.objects.create(id="lo", base_url=edge.url, dashboard_zone=zone, runtime="stand-in", versions=VERSIONS)
    read_feed()
    return cell


@pytest.fixture
def owner(alice: User) -> Actor:
    return actor_for(alice)


@pytest.fixture
def make(acme: Organization, owner: Actor, cell: Cell) -> Callable[..., Tenant]:
    def create(name: str, **more: Any) -> Tenant:
        with rls.acting_as(owner.rls_actor):
            return actions.create(by=owner, organization=acme, name=name, **more)[0]

    return create


def work_until(reached: Callable[[], bool]) -> None:
    """Do what Celery does, again and again: read the feed, reconcile what is due, deliver facts."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        for tenant_id in claims.due_tenants(10):
            reconcile(tenant_id)
        read_feed()
        time.sleep(0.02)


def kept(receipt_id: str) -> dict:
    with all_rows():
        return Receipt.objects.get(pk=receipt_id).statement


def test_a_tenant_lives_from_the_first_request_to_its_tombstone(make, owner, edge):
    tenant = make("Office", certificate_days=30)
    work_until(lambda: fresh(tenant).status == "running")
    creation = operation_of(tenant)
    assert creation.state == "succeeded"
    assert set(states(creation).values()) == {"succeeded"}
    assert fresh(tenant).edge_view["certificate"]["not_after"]
    for act, status in ((actions.stop, "stopped"), (actions.start, "running")):
        with rls.acting_as(owner.rls_actor):
            act(by=owner, tenant=tenant)
        work_until(lambda wanted=status: fresh(tenant).status == wanted)
        assert operation_of(tenant).state == "succeeded"
    with rls.acting_as(owner.rls_actor):
        asked = receipts.ask_for_isolation_receipt(by=owner, tenant=fresh(tenant))
    deliver()
    isolation = kept(asked.pk)
    assert [each["file"] for each in isolation["certificates"]["shown"] if len(each["serial"]) > 4]
    assert isolation["drift"]["in_step"] is True
    with rls.acting_as(owner.rls_actor):
        binned = deletion.delete(by=owner, tenant=tenant, confirm_name="Office")
    work_until(lambda: not fresh(binned).is_open)
    assert (fresh(binned).state, fresh(tenant).status) == ("succeeded", "binned")
    with rls.acting_as(owner.rls_actor):
        erasure = deletion.erase(by=owner, tenant=tenant, confirm_name="Office")
    work_until(lambda: fresh(tenant).status == "deleted")
    assert fresh(erasure).state == "succeeded"
    assert EdgeApi(Cell.objects.get()).get_tenant(tenant.pk).requested == "deleted"
    deliver()
    with all_rows():
        certificate = Receipt.objects.get(tenant=tenant, kind="erasure")
    assert certificate.statement["destroyed"]["data_keys"] == isolation["data_keys"]
    assert certificate.statement["destroyed"]["objects"] == isolation["objects"]
    assert certificate.statement["ordered_by"]["operation"] == erasure.pk


def test_certificates_are_rotated_from_here_and_at_the_edge_and_both_are_operations(make, owner, edge):
    tenant = make("Depot")
    work_until(lambda: fresh(tenant).status == "running")
    with rls.acting_as(owner.rls_actor):
        asked = rotation.rotate_certificates(by=owner, tenant=fresh(tenant))
        issued = access.rotation_token(by=owner, tenant=fresh(tenant))
    deliver()
    work_until(lambda: not fresh(asked).is_open)
    assert (fresh(asked).state, set(states(asked).values())) == ("succeeded", {"succeeded"})
    assert fresh(tenant).edge_view["certificate"]["generation"] == 2
    bearer = {"Authorization": f"Bearer {issued.token}"}
    begun = httpx.post(issued.url, json={"idempotency_key": "one"}, headers=bearer)
    assert begun.status_code == 202
    work_until(lambda: operation_of(tenant).pk == begun.json()["operation_id"] and not operation_of(tenant).is_open)
    adopted = operation_of(tenant)
    assert (adopted.kind, adopted.source, adopted.state) == ("rotate_certificates", "edge", "succeeded")
    assert fresh(tenant).edge_view["certificate"]["generation"] == 3
    assert fresh(tenant).status == "running"


def test_a_tenant_sleeps_and_wakes_from_here_and_by_an_enrollment_at_the_edge(make, owner, edge):
    tenant = make("Yard")
    work_until(lambda: fresh(tenant).status == "running")
    with rls.acting_as(owner.rls_actor):
        _, secret = enrollment.create_token(by=owner, tenant=fresh(tenant), name="Servers", max_uses=1)
    sleep, wake = (sleeping.fall_asleep, "sleeping"), (sleeping.wake, "running")
    for act, status in (sleep, wake, sleep):
        with rls.acting_as(owner.rls_actor):
            asked = act(by=owner, tenant=fresh(tenant))
        deliver()
        work_until(lambda asked=asked: not fresh(asked).is_open)
        assert (fresh(asked).state, set(states(asked).values())) == ("succeeded", {"succeeded"})
        assert fresh(tenant).status == status
    joining = {"token": secret, "enrollment_id": "6f9b8f0e-58a5-4b39-9c86-0a4d5f6d8a03", "name": "yard-1"}
    assert httpx.post(f"{edge.url}/api/agents/enroll", json=joining).status_code == 201
    work_until(lambda: operation_of(tenant).pk != asked.pk and not operation_of(tenant).is_open)
    woken = operation_of(tenant)
    assert (woken.kind, woken.source, woken.state) == ("wake", "edge", "succeeded")


def test_an_agent_moves_to_another_tenant_and_its_old_identity_ends_there(make, owner, edge, acme):
    source, target = make("Old home"), make("New home")
    with rls.acting_as(owner.rls_actor):
        _, secret = enrollment.create_token(by=owner, tenant=source, name="Servers")
    deliver()
    work_until(lambda: join(edge, secret, "db-1").status_code == 201)
    work_until(lambda: numbers(owner, source) == ["001"])
    with rls.acting_as(owner.rls_actor):
        move, secret = moves.move(
            by=owner, tenant=fresh(source), target=fresh(target), agents=["001"], grace_hours=0, expires_in_days=1
        )
    deliver()
    assert join(edge, secret, "db-2").json()["code"] == "TOKEN_NOT_FOR_NAME"
    assert join(edge, secret, "db-1").status_code == 201
    work_until(lambda: numbers(owner, target) == ["001"])
    following.follow(acme.pk)
    deliver()
    assert numbers(owner, source) == []
    assert EdgeApi(Cell.objects.get()).agents(source.pk)["agents"] == []
    with rls.acting_as(owner.rls_actor):
        assert [each.state for each in move.agents.all()] == ["moved"]


def join(edge: Edge, secret: str, name: str) -> httpx.Response:
    body = {"token": secret, "enrollment_id": str(uuid.uuid4()), "name": name}
    return httpx.post(f"{edge.url}/api/agents/enroll", json=body)


def numbers(owner: Actor, tenant: Tenant) -> list[str]:
    with rls.acting_as(owner.rls_actor):
        return [agent.number for agent in enrollment_queries.agents_of(owner, tenant)]


def test_a_token_lets_an_agent_in_that_the_portal_then_knows(make, owner, edge):
    tenant = make("Branch")
    with rls.acting_as(owner.rls_actor):
        token, secret = enrollment.create_token(by=owner, tenant=tenant, name="Servers", max_uses=1)
    deliver()
    work_until(lambda: fresh(tenant).status == "running")
    joining = {"token": secret, "enrollment_id": "6f9b8f0e-58a5-4b39-9c86-0a4d5f6d8a01", "name": "web-1"}
    assert httpx.post(f"{edge.url}/api/agents/enroll", json=joining).status_code == 201
    refused = httpx.post(
        f"{edge.url}/api/agents/enroll",
        json={**joining, "enrollment_id": "6f9b8f0e-58a5-4b39-9c86-0a4d5f6d8a02", "name": "web-2"},
    )
    assert refused.json()["code"] == "TOKEN_USED_UP"

    def known() -> bool:
        with rls.acting_as(owner.rls_actor):
            joined = enrollment_queries.agents_of(owner, tenant).count()
            return bool(joined and enrollment_queries.refusals_of(owner, tenant).count())

    work_until(known)
    read_agents("lo", tenant.pk)
    with rls.acting_as(owner.rls_actor):
        agent = enrollment_queries.agent(owner, tenant, "001")
        used = enrollment_queries.token(owner, tenant, token.pk)
        (refusal,) = enrollment_queries.refusals_of(owner, tenant)
        assert (agent.name, agent.token_id, used.uses, used.state) == ("web-1", token.pk, 1, "used_up")
        assert (refusal.reason, refusal.token_id_used) == ("used_up", token.pk)
        with structlog.contextvars.bound_contextvars(request_id="page-of-the-thief"):
            agents.quarantine(by=owner, agent=agent, reason="stolen")
        enrollment.revoke_token(by=owner, token=used)
    deliver()
    assert b'"request_id":"page-of-the-thief","method":"POST"' in edge.launcher.log.read_bytes()
    (cut_off,) = [each for each in trail_of(owner, tenant) if each["action"] == "agent.quarantined"]
    assert (cut_off["reason"], cut_off["request"]) == ("stolen", "page-of-the-thief")
    with rls.acting_as(owner.rls_actor):
        assert not enrollment_queries.agent(owner, tenant, "001").pending
        assert not enrollment_queries.token(owner, tenant, token.pk).pending
    assert EdgeApi(tenant.cell).agents(tenant.pk)["agents"][0]["quarantined"]
    assert EdgeApi(tenant.cell).get_token(tenant.pk, token.pk)["state"] == "revoked"


def test_an_unchanged_agent_of_wazuh_5_enrolls_with_its_own_form_of_a_token_and_is_refused_in_its_words(
    make, owner, edge
):
    Cell.objects.update(agent_ca="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    tenant = make("Lab", version="5.0.0-rc")
    with rls.acting_as(owner.rls_actor):
        token, secret = enrollment.create_token(by=owner, tenant=fresh(tenant), name="Lab", max_uses=1)
    deliver()
    work_until(lambda: fresh(tenant).status == "running")
    wrapped = native.wrapped(token, secret)
    given = independent_agent5.enroll(wrapped, "lab-1").raise_for_status().json()
    agent = Wazuh5Agent(f"http://{independent_agent5.read(wrapped).address}", given["id"], given["name"], given["key"])
    work_until(lambda: agent.start().status_code == 200)
    for ended, code in ((None, 9024), (enrollment.revoke_token, 9022)):
        if ended:
            with rls.acting_as(owner.rls_actor):
                ended(by=owner, token=token)
            deliver()
        refused = independent_agent5.enroll(wrapped, "lab-2")
        assert (independent_agent5.gives_up(refused), refused.json()["error"]["code"]) == (True, code)


def trail_of(owner: Actor, tenant: Tenant) -> list[dict[str, Any]]:
    """The tenant's audit records at the edge."""
    with rls.acting_as(owner.rls_actor):
        told = access_queries.event_log(owner, fresh(tenant)).read(after=0, limit=200)
    return [event["data"] for event in told["events"] if event["kind"] == "audit"]


def test_dashboards_and_events_open_with_what_the_portal_signs_and_close_when_it_says_so(make, owner, acme, edge):
    tenant = make("Site")
    work_until(lambda: fresh(tenant).status == "running")
    running = fresh(tenant)
    with rls.acting_as(owner.rls_actor):
        code = access.open_dashboard(by=owner, tenant=running)
        stream = access.event_stream_token(by=owner, tenant=running)
        told = access_queries.event_log(owner, running).read(after=0, limit=50)
    assert code.post_to == f"http://{tenant.pk}.localhost:{edge.port}/session"
    assert {event["kind"] for event in told["events"]} >= {"lifecycle"}
    call_command("verify_edge_audit", tenant=[tenant.pk], stdout=(verified := io.StringIO()))
    assert re.search(r"[1-9]\d* records hold\.$", verified.getvalue().strip())
    headers = {"Authorization": f"Bearer {stream.token}"}
    assert httpx.get(f"{edge.url}/api/events?after=0", headers=headers).status_code == 200
    revoke = {"epoch": 1, "idempotency_key": "one", "before": "2999-01-01T00:00:00Z", "session": owner.session_id}
    assert "closed" in EdgeApi(tenant.cell).revoke_access(tenant.pk, revoke)
    assert httpx.get(f"{edge.url}/api/events?after=0", headers=headers).status_code in (401, 403)


def test_what_fails_at_the_edge_fails_visibly_and_a_retry_goes_on_there(make, owner):
    tenant = make("Broken", version="4.14.7-exits")
    work_until(lambda: fresh(tenant).status == "failed")
    failed = operation_of(tenant)
    assert (failed.state, states(failed)["certs"], states(failed)["indexer"]) == ("failed", "succeeded", "failed")
    assert failed.error["message"]
    with rls.acting_as(owner.rls_actor):
        actions.retry(by=owner, operation=failed)
    work_until(lambda: (fresh(tenant).edge_view or {}).get("generation") == 2)
    assert states(failed)["certs"] == "succeeded"


def test_a_tenants_own_schedule_of_backups_is_the_edges_and_can_be_taken_back(make, owner):
    chosen = {"every_hours": 12, "at_utc": "02:30", "keep": 4}
    tenant = make("Scheduled", backups=chosen)
    work_until(lambda: fresh(tenant).status == "running" and fresh(tenant).next_backup_at)
    assert fresh(tenant).edge_view["backup_schedule"] == chosen
    assert fresh(tenant).next_backup_at[11:16] in ("02:30", "14:30")
    with rls.acting_as(owner.rls_actor):
        schedule.set_schedule(by=owner, tenant=tenant, schedule=None)
    work_until(lambda: fresh(tenant).edge_view["backup_schedule"] is None)
    work_until(lambda: fresh(tenant).status == "running")


def test_a_consumer_that_begins_late_reads_everything_anew(make, owner):
    tenant = make("Late")
    reconcile(tenant.pk)
    work_until(lambda: fresh(tenant).status == "running")
    Cell.objects.update(feed_epoch="of another life", feed_seq=1)
    with rls.acting_as(owner.rls_actor):
        Tenant.objects.filter(pk=tenant.pk).update(observed="unknown", edge_view=None, edge_seq=-1)
    read_feed()
    assert fresh(tenant).status == "running"
    assert Cell.objects.get().feed_epoch != "of another life"


def test_whom_a_directory_deactivates_is_shut_out_at_the_edge_within_seconds(make, acme, alice, bob, edge):
    tenant = make("Guarded")
    connection, directory = directory_of(acme, alice)
    path = provisioned(connection, directory, bob)
    work_until(lambda: fresh(tenant).status == "running")
    by_bob = actor_for(bob)
    with rls.acting_as(by_bob.rls_actor):
        code = access.open_dashboard(by=by_bob, tenant=fresh(tenant))
        stream = access.event_stream_token(by=by_bob, tenant=fresh(tenant))
    browser = Browser(edge, tenant.pk)
    browser.enter(code.code)
    headers = {"Authorization": f"Bearer {stream.token}"}
    assert browser.page().status_code == 200
    assert httpx.get(f"{edge.url}/api/events?after=0", headers=headers).status_code == 200
    began = time.monotonic()
    directory.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    deliver()
    assert browser.page().status_code in (401, 403)
    assert httpx.get(f"{edge.url}/api/events?after=0", headers=headers).status_code in (401, 403)
    assert time.monotonic() - began < 5


def test_a_tenant_is_backed_up_restored_and_cloned_from_here(make, owner, edge):
    tenant = make("Vault")
    work_until(lambda: fresh(tenant).status == "running")
    with rls.acting_as(owner.rls_actor):
        asked = backups.back_up(by=owner, tenant=fresh(tenant))
    deliver()

    def made() -> bool:
        with rls.acting_as(owner.rls_actor):
            asked.refresh_from_db()
            return asked.state == "succeeded"

    work_until(made)
    assert (set(asked.versions), asked.size_bytes > 0) == ({"manager", "indexer"}, True)
    assert fresh(tenant).next_backup_at
    with rls.acting_as(owner.rls_actor):
        restore = backups.restore(by=owner, backup=asked, confirm_name="Vault")
        clone, cloning = backups.clone(by=owner, backup=asked, name="Vault for tests")
    deliver()
    work_until(lambda: not fresh(restore).is_open and not fresh(cloning).is_open)
    for operation in (restore, cloning):
        assert (fresh(operation).state, set(states(operation).values())) == ("succeeded", {"succeeded"})
    assert (fresh(tenant).status, fresh(clone).status, fresh(clone).copy_from) == ("running", "running", None)
    with rls.acting_as(owner.rls_actor):
        kinds = {each.kind for each in backup_queries.backups_of(owner, fresh(tenant))}
    assert kinds == {"on-demand", "before-change"}
