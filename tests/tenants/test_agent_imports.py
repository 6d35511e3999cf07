"""Agents that exist already, taken over with number and key."""

import json

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from controlplane import rls
from controlplane.models import AuditEntry, RememberedAnswer
from tenants.enrollment.imports.lines import read
from tenants.enrollment.tasks import read_agents
from tests.cast import session_of
from tests.database import all_rows

KEY, OTHER_KEY = "ab" * 32, "cd" * 32
KEYS = "\n".join(
    (
        f"041 old-1 any {KEY}",
        "# a comment",
        "",
        f"042 !gone 10.0.0.9 {KEY}",
        f"043 old-3 {KEY}",
        f"1207 old-2 10.0.0.5/24 {OTHER_KEY}",
    )
)


def test_lines_are_read_as_a_manager_writes_them_and_faults_belong_to_their_line():
    assert [(line.number, line.agent and line.agent.id, line.fault) for line in read(KEYS)] == [
        (1, "041", ""),
        (4, None, "removed"),
        (5, None, "malformed"),
        (6, "1207", ""),
    ]
    for wrong in ("000 a-b any", "41 ab any", "041 a any", "041 a/b any", "12345678 ab any"):
        assert read(f"{wrong} {KEY}")[0].fault == "malformed", wrong


@pytest.mark.django_db
def test_each_line_has_its_result_the_edge_gets_the_keys_and_the_portal_keeps_none(api, running, edge, alice_acts):
    first = api.post(f"tenants/{running.pk}/agents/import", {"client_keys": KEYS}, **{"Idempotency-Key": "k"})
    assert first.status_code == 200, first.content
    assert [(each["line"], each["outcome"]) for each in first.json()] == [
        (1, "imported"),
        (4, "removed"),
        (5, "malformed"),
        (6, "imported"),
    ]
    sent = json.loads(next(each.content for each in edge.requests if each.url.path.endswith("/agents/import")))
    assert sent == {
        "epoch": 1,
        "agents": [{"id": "041", "name": "old-1", "key": KEY}, {"id": "1207", "name": "old-2", "key": OTHER_KEY}],
    }
    other = f"041 old-1 any {OTHER_KEY}\n1207 old-2 any {OTHER_KEY}"
    again = api.post(f"tenants/{running.pk}/agents/import", {"client_keys": other}).json()
    assert [each["outcome"] for each in again] == ["number_taken", "known"]
    read_agents("lo", running.pk)
    listed = api.get(f"tenants/{running.pk}/agents").json()["results"]
    assert {(each["id"], each["token"]) for each in listed} == {("041", None), ("1207", None)}
    with all_rows():
        kept = str([*AuditEntry.objects.values(), *RememberedAnswer.objects.values()])
    assert KEY not in kept
    assert OTHER_KEY not in kept
    with rls.acting_as(alice_acts.rls_actor):
        entry = AuditEntry.objects.filter(action="tenants.agents.import").earliest("position")
    assert (entry.data["imported"], entry.data["malformed"]) == (2, 1)


@pytest.mark.django_db
def test_the_page_takes_the_file_says_what_became_of_each_line_and_shows_no_key(running, edge, alice):
    portal, address = session_of(alice), f"/t/{running.pk}/agents/import/"
    page = portal.post(address, {"file": SimpleUploadedFile("client.keys", KEYS.encode())})
    text = page.content.decode()
    assert (page.status_code, text.count("Imported")) == (200, 2)
    assert "old-2" in text
    assert f"/agents/{running.pk}/1514" in text
    refused = portal.post(address, {"client_keys": "\n"})
    assert (refused.status_code, "Nothing was imported" in refused.content.decode()) == (422, True)
    edge.fail_next("/agents/import", httpx.ConnectError("away"))
    away = portal.post(address, {"client_keys": KEYS})
    assert away.status_code == 503
    assert KEY not in text + refused.content.decode() + away.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["", " ", "# nothing\n", "\n".join(f"{n:03} old-{n} any {KEY}" for n in range(1, 502))]
)
def test_without_a_line_or_with_too_many_nothing_is_imported(api, running, edge, text):
    refused = api.post(f"tenants/{running.pk}/agents/import", {"client_keys": text})
    assert (refused.status_code // 100, refused.json()["errors"][0]["field"]) == (4, "client_keys")
    assert edge.count("/agents/import") == 0
