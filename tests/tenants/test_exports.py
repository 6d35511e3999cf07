"""Everything of a tenant as a file: asked for, followed, and taken away."""

import io
import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import pytest
from django.test import Client

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden
from organizations.access import NotConfirmed
from organizations.permissions import PERMISSIONS
from tenants.protection.backups import actions as backups
from tenants.protection.deletion import actions as deletion
from tenants.protection.exports import actions, queries
from tenants.protection.exports.download import download
from tenants.protection.exports.models import Export
from tenants.protection.exports.problems import ExportNotFound
from tenants.provisioning import actions as provisioning
from tenants.provisioning.edge_errors import EdgeAmbiguous
from tenants.provisioning.models import Operation
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, make_due, read_feed, states
from tests.tenants.edge import refusal
from tests.tenants.edge_life import NOW

pytestmark = pytest.mark.django_db

EVENTS = b'{"seq":1,"kind":"lifecycle"}\n{"seq":2,"kind":"audit"}\n'


@pytest.fixture
def ask(alice_acts):
    def asked(tenant, by=alice_acts) -> Export:
        with rls.acting_as(by.rls_actor):
            return actions.ask(by=by, tenant=tenant)

    return asked


@pytest.fixture
def made(running, edge, ask) -> Export:
    """An export of the running tenant that the edge has made."""
    export = ask(running)
    deliver()
    edge.made(running.pk, export.pk, EVENTS, b'{"seq":3}\n')
    read_feed()
    return seen(export)


def seen(export: Export) -> Export:
    with all_rows():
        return Export.objects.select_related("operation", "tenant__cell").get(pk=export.pk)


def taken(actor, export: Export) -> dict[str, bytes]:
    """The members of the downloaded file by name."""
    return unpacked(b"".join(download(actor, export.tenant_id, export.pk).streaming_content))  # type: ignore[arg-type]


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {each.name.partition("/")[2]: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


# Asking


def test_an_export_is_an_operation_with_steps_that_the_feed_moves(running, edge, ask):
    export = ask(running)
    deliver()
    steps = edge.exports[running.pk][0]["steps"]
    steps[0].update(
        state="succeeded", attempts=1, started_at="2026-11-20T10:00:00Z", finished_at="2026-11-20T10:00:01Z"
    )
    steps[1].update(state="running", attempts=1, started_at=NOW)
    edge.told(running.pk, export.pk)
    read_feed()
    operation = seen(export).operation
    assert (operation.kind, operation.state, operation.arguments) == ("export", "running", {"export": export.pk})
    assert states(operation) == {
        **{"submit": "succeeded", "tenant": "succeeded", "agents": "running"},
        **{"events": "pending", "alerts": "pending", "archive": "pending"},
    }
    edge.made(running.pk, export.pk, EVENTS)
    read_feed()
    export = seen(export)
    assert (export.state, export.files, export.records, export.bytes) == ("succeeded", 1, 2, len(EVENTS))
    assert export.can_be_downloaded


def test_nothing_waits_for_an_export_and_it_waits_for_nothing(running, edge, ask, alice_acts):
    ask(running)
    deliver()
    sent_before = edge.count("PUT /v1/tenants/" + running.pk)
    with rls.acting_as(alice_acts.rls_actor):
        backups.back_up(by=alice_acts, tenant=running)
        stop = provisioning.stop(by=alice_acts, tenant=fresh(running))
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with all_rows():
        assert Operation.objects.get(pk=stop.pk).state == "succeeded"
        assert Operation.objects.get(kind="export").state == "running"
    assert edge.count("PUT /v1/tenants/" + running.pk) == sent_before + 1


def test_the_edge_makes_it_once_however_often_it_is_told(running, edge, ask):
    export = ask(running)
    edge.lose_answer_of_next("/exports/")
    deliver()
    assert [each["id"] for each in edge.exports[running.pk]] == [export.pk]
    assert edge.count("/exports/") == 2


def test_one_is_made_at_a_time(running, edge, ask):
    ask(running)
    with pytest.raises(Conflict) as refused:
        ask(running)
    assert refused.value.code == "EXPORT_IN_PROGRESS"


def test_one_that_the_edge_refuses_fails_with_its_words(running, edge, ask):
    export = ask(running)
    edge.fail_next("/exports/", refusal(409, "EXPORT_IN_PROGRESS"))
    deliver()
    operation = seen(export).operation
    assert (operation.state, operation.error["code"]) == ("failed", "EXPORT_IN_PROGRESS")
    assert ask(running).pk != export.pk


def test_a_tenant_in_the_recycle_bin_is_exported_and_what_was_made_before_stays(running, edge, ask, made, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name=running.name)
    assert b"lifecycle" in taken(alice_acts, made)["edge/events/000001.jsonl"]
    assert ask(fresh(running)).operation.is_open


def test_a_tenant_that_is_erased_or_never_was_at_the_edge_has_nothing_to_export(
    running, tenant, new_tenant, ask, made, alice_acts, edge
):
    other, _ = new_tenant("Depot")
    with pytest.raises(NotPossibleNow):
        ask(other)
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name=running.name)
        deletion.erase(by=alice_acts, tenant=fresh(running), confirm_name=running.name)
    with pytest.raises(NotPossibleNow):
        ask(fresh(running))
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(ExportNotFound):
        queries.export(alice_acts, fresh(running), made.pk)


def test_reading_everything_anew_ends_what_the_edge_has_lost(running, edge, ask):
    export = ask(running)
    deliver()
    edge.exports[running.pk] = []
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    operation = seen(export).operation
    assert (operation.state, operation.error["hint"]) == ("failed", "Ask for another one.")


def test_only_whoever_may_delete_a_tenant_exports_it(running, ask, bob, vera):
    for person in (bob, vera):
        with pytest.raises(Forbidden):
            ask(running, by=actor_for(person))


# Taking away


def test_the_portal_reads_it_with_its_own_key_and_not_with_the_reconcilers(made, alice_acts, edge):
    taken(alice_acts, made)
    reads = [each for each in edge.requests if each.method == "GET" and f"/exports/{made.pk}" in each.url.path]
    kinds = {jwt.get_unverified_header(each.headers["Authorization"].removeprefix("Bearer "))["typ"] for each in reads}
    assert (len(reads), kinds) == (3, {"edge-access+jwt"})


def test_the_file_holds_both_sides_and_its_sums_hold(made, alice_acts, make_token, tmp_path: Path):
    _, secret = make_token()
    response = download(alice_acts, made.tenant_id, made.pk)
    file = tmp_path / "export.tar"
    file.write_bytes(b"".join(response.streaming_content))  # type: ignore[arg-type]
    subprocess.run(["tar", "-xf", file, "-C", tmp_path], check=True)
    folder = tmp_path / f"export-{made.tenant_id}"
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    there = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    assert {each["name"] for each in manifest["files"]} == there - {"manifest.json", "SHA256SUMS"}
    assert (folder / "edge/events/000001.jsonl").read_bytes() == EVENTS
    members = [json.loads(line) for line in (folder / "portal/members/000001.jsonl").read_text().splitlines()]
    assert {"alice@example.test", "bob@example.test", "vera@example.test"} <= {each["email"] for each in members}
    trail = [json.loads(line) for line in (folder / "portal/trail/000001.jsonl").read_text().splitlines()]
    assert {"tenants.tenant.create", "tenants.tenant.export", "tenants.export.download", "tenants.token.create"} <= {
        entry["action"] for entry in trail
    }
    assert secret not in "".join(each.read_text() for each in folder.rglob("*") if each.is_file())


def test_many_records_go_over_several_files_and_none_is_there_twice(made, alice_acts, monkeypatch):
    monkeypatch.setattr("tenants.protection.exports.portal_records.A_PAGE", 2)
    members = taken(alice_acts, made)
    pieces = [content for name, content in sorted(members.items()) if name.startswith("portal/trail/")]
    positions = [json.loads(line)["position"] for content in pieces for line in content.splitlines()]
    assert len(pieces) > 1
    assert positions == sorted(set(positions))


def test_what_a_role_does_not_show_is_left_out_and_named(made, alice, acme, program_of):
    program = program_of(alice, acme, scopes=sorted(set(PERMISSIONS) - {"audit.view"}))
    file = program.get(f"tenants/{made.tenant_id}/exports/{made.pk}/file")
    members = unpacked(b"".join(file.streaming_content))
    assert not [name for name in members if name.startswith("portal/trail/")]
    left = json.loads(members["manifest.json"])["left_out"]
    assert {"what": "portal/trail", "why": "Your role does not show it (audit.view)."} in left


def test_taking_it_away_needs_a_fresh_proof_and_stands_in_the_trail(made, alice_acts):
    with pytest.raises(NotConfirmed):
        download(replace(alice_acts, confirmed=False), made.tenant_id, made.pk)
    taken(alice_acts, made)
    with all_rows():
        (entry,) = AuditEntry.objects.filter(action="tenants.export.download", refused=False)
    assert (entry.target, entry.data["tenant"]) == (made.pk, made.tenant_id)


def test_a_file_that_is_another_than_was_announced_is_not_passed_on(made, alice_acts, edge):
    manifest = edge._export_manifest(made.tenant_id, made.pk, body=None, query=None)
    edge.fail_next(f"GET /v1/tenants/{made.tenant_id}/exports/{made.pk}", httpx.Response(200, json=manifest.json()))
    edge.export_files[made.pk][0] = b"something else\n"
    with pytest.raises(EdgeAmbiguous, match="another file than events/"):
        taken(alice_acts, made)


def test_one_that_is_not_made_or_of_another_tenant_is_not_given(running, edge, ask, alice_acts, made, new_tenant):
    other, _ = new_tenant("Depot")
    with pytest.raises(ExportNotFound):
        download(alice_acts, other.pk, made.pk)
    going = ask(running)
    with pytest.raises(NotPossibleNow):
        download(alice_acts, running.pk, going.pk)


# Doors


def test_by_api_it_is_asked_for_followed_and_downloaded(running, edge, api):
    asked = api.post(f"tenants/{running.pk}/exports")
    assert (asked.status_code, asked.json()["state"]) == (202, "queued")
    where = asked.headers["Location"].removeprefix("/api/v1/")
    deliver()
    edge.made(running.pk, asked.json()["id"], EVENTS, left_out=[{"what": "Old alerts", "why": "It rested."}])
    read_feed()
    found = api.get(where).json()
    assert (found["state"], found["can_be_downloaded"], found["left_out"][0]["what"]) == (
        "succeeded",
        True,
        "Old alerts",
    )
    assert [each["id"] for each in api.get(f"tenants/{running.pk}/exports").json()["results"]] == [found["id"]]
    file = api.get(f"{where}/file")
    assert (file.status_code, file.headers["Content-Type"]) == (200, "application/x-tar")
    assert b"manifest.json" in b"".join(file.streaming_content)


def test_the_page_shows_it_and_gives_the_file(running, edge, alice):
    client: Client = session_of(alice)
    page = client.post(f"/t/{running.pk}/exports/new/", follow=True).content.decode()
    assert "0 of 6 steps" in page
    deliver()
    with all_rows():
        export = Export.objects.get()
    edge.made(running.pk, export.pk, EVENTS)
    read_feed()
    page = client.get(f"/t/{running.pk}/exports/").content.decode()
    assert "Download" in page
    file = client.post(f"/t/{running.pk}/exports/{export.pk}/file/")
    assert b"SHA256SUMS" in b"".join(file.streaming_content)  # type: ignore[arg-type]


def test_the_danger_zone_says_how_old_the_newest_export_is(running, edge, alice, ask):
    client: Client = session_of(alice)
    assert "There is no export of this tenant" in client.get(f"/t/{running.pk}/settings/").content.decode()
    export = ask(running)
    deliver()
    edge.made(running.pk, export.pk, EVENTS)
    read_feed()
    assert "The newest export was made" in client.get(f"/t/{running.pk}/settings/").content.decode()
