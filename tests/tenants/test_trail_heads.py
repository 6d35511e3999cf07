"""The portal's trail and the tenants' own tell each other where they end, so that cutting off one of them is found."""

import json

import httpx
import pytest
from django.core.management import CommandError, call_command

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, AuditHead
from tenants import tasks as beat
from tenants.access import edge_trail, tasks, trail_heads
from tenants.access.models import TrailExchange
from tenants.provisioning.reconciler import reconcile
from tests.database import all_rows, without_triggers
from tests.tenants.conftest import fresh, read_feed
from tests.tenants.edge import FakeEdge, refusal
from tests.tenants.test_edge_trail import played, trail_of
from tests.tenants.test_edge_trail import verified as edge_verified

pytestmark = pytest.mark.django_db(transaction=True)


def act(tenant, target="something") -> AuditEntry:
    organization_id = tenant.organization_id
    with rls.acting_as(f"org:{organization_id}"):
        return audit.record(
            by=Actor.system("a test", organization_id=organization_id),
            action="test.thing.make",
            organization_id=organization_id,
            target=target,
        )


def trail(tenant) -> list[AuditEntry]:
    with all_rows():
        return list(AuditEntry.objects.filter(organization_id=tenant.organization_id).order_by("position"))


def head(tenant) -> AuditHead:
    with all_rows():
        return AuditHead.objects.get(pk=tenant.organization_id)


def exchange(tenant) -> None:
    trail_heads.exchange(tenant.organization_id)


def row(tenant) -> TrailExchange:
    with all_rows():
        return TrailExchange.objects.get(pk=tenant.pk)


def told(edge: FakeEdge) -> int:
    return edge.count("/portal-trail")


def cut_off(tenant, upto: int) -> None:
    """The newest entries are removed, and the kept end is set back: nothing in the database shows it."""
    with without_triggers() as execute:
        chain = f"organization_id = '{tenant.organization_id}'"
        execute(f"DELETE FROM controlplane_auditentry WHERE {chain} AND position > {upto}")
        execute(
            f"UPDATE controlplane_audithead SET position = {upto}, mac = (SELECT mac FROM controlplane_auditentry"
            f" WHERE {chain} AND position = {upto}) WHERE {chain}"
        )


def test_each_side_writes_down_where_the_other_ends(running, edge):
    before = head(running)
    exchange(running)
    view = edge.views[running.pk]
    assert view["portal_trail"] == {
        "organization": running.organization_id,
        "position": before.position,
        "hash": before.mac,
    }
    newest = trail(running)[-1]
    assert (newest.action, newest.target) == ("tenants.trail.exchange", running.organization_id)
    assert newest.data == {"position": before.position, "hash": before.mac, "tenants": {running.pk: view["audit"]}}
    assert (row(running).edge_position, row(running).differs) == (view["audit"]["position"], "")


def test_an_exchange_makes_no_other(running, edge):
    exchange(running)
    for _ in range(3):
        assert trail_heads.due() == []
        exchange(running)
    assert told(edge) == 1


def test_either_end_that_moves_makes_one(running, edge):
    exchange(running)
    act(running)
    assert trail_heads.due() == [running.organization_id]
    exchange(running)
    assert (told(edge), trail_heads.due()) == (2, [])
    edge.note_act(running.pk)
    edge.publish(running.pk)
    read_feed()
    assert fresh(running).edge_view["audit"] == edge.views[running.pk]["audit"]
    assert trail_heads.due() == [running.organization_id]
    exchange(running)
    assert (told(edge), trail_heads.due()) == (3, [])
    with rls.acting_as(f"org:{running.organization_id}"):
        assert trail_heads.recorded_ends(running)[-1] == edge.views[running.pk]["audit"]


def test_all_tenants_of_an_organization_share_one_entry(running, edge, new_tenant):
    other, _ = new_tenant("Plant")
    reconcile(other.pk)
    exchange(running)
    exchanges = [entry for entry in trail(running) if entry.action == "tenants.trail.exchange"]
    assert [set(entry.data["tenants"]) for entry in exchanges] == [{running.pk, other.pk}]
    assert trail_heads.due() == []


def test_an_edge_that_is_away_is_told_later(running, edge):
    edge.fail_next("/portal-trail", httpx.ConnectError("away"))
    exchange(running)
    assert trail_heads.due() == [running.organization_id]
    edge.lose_answer_of_next("/portal-trail")
    exchange(running)
    exchange(running)
    assert (trail_heads.due(), row(running).differs) == ([], "")


def test_a_tenant_that_the_edge_does_not_know_yet_is_passed_over(tenant, edge):
    exchange(tenant)
    assert "tenants.trail.exchange" not in [entry.action for entry in trail(tenant)]


def test_beat_wakes_an_exchange_for_what_is_due(running, edge, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: sent.append((task.name, arguments, queue)))
    tasks.exchange_trails()
    assert sent == [("tenants.tasks.exchange_trail", (running.organization_id,), "bulk")]
    assert beat.BEAT_SCHEDULE["exchange-trails"]["task"] == tasks.exchange_trails.name
    tasks.exchange_trail(running.organization_id)
    assert trail_heads.due() == []


def differences(tenant) -> list[str]:
    return [entry.data["difference"] for entry in trail(tenant) if entry.action == "tenants.trail.differ"]


def test_a_portals_trail_that_was_cut_off_is_found_by_what_the_edge_knows(running, edge):
    """The attack: nothing in the database shows it."""
    last = act(running, "to be hidden")
    exchange(running)
    cut_off(running, last.position - 1)
    exchange(running)
    (difference,) = differences(running)
    assert f"was told of entry {last.position}, and it is not there" in difference
    assert row(running).differs == difference


@pytest.mark.parametrize("more", [1, 3])
def test_one_that_was_cut_off_and_has_grown_again_is_found_too(running, edge, more):
    last = act(running)
    exchange(running)
    cut_off(running, last.position - 1)
    for _ in range(more):
        act(running, "another")
    exchange(running)
    (difference,) = differences(running)
    assert difference.startswith(f"Entry {last.position}: the chain was written anew")


def test_a_difference_that_stays_is_told_no_more_than_it_changes(running, edge):
    view = edge.views[running.pk]
    view["portal_trail"] = {"organization": running.organization_id, "position": 900, "hash": "9" * 64}
    for _ in range(4):
        exchange(running)
    assert len(differences(running)) == 1


def test_a_tenants_trail_that_was_cut_off_is_found_by_what_the_portal_knows(running, edge):
    edge.views[running.pk]["audit"] = {"position": 9, "hash": "9" * 64}
    exchange(running)
    edge.views[running.pk]["audit"] = {"position": 3, "hash": "3" * 64}
    act(running)
    exchange(running)
    assert "reached 10, and ends at 4" in differences(running)[0]


def test_what_fits_again_is_no_difference_any_more(running, edge):
    edge.fail_next("/portal-trail", refusal(409, "TRAIL_FORKED"))
    exchange(running)
    assert row(running).differs
    exchange(running)
    assert row(running).differs == ""


def verified(*arguments: str, capsys) -> tuple[int, str, str]:
    try:
        call_command("verify_audit", *arguments)
        status = 0
    except CommandError as error:
        status = error.returncode
    return status, *capsys.readouterr()


def test_verify_audit_compares_with_what_the_edge_was_told(running, edge, capsys):
    last = act(running)
    exchange(running)
    assert verified(capsys=capsys)[0] == 0
    cut_off(running, last.position - 1)
    status, _, err = verified("--organization", running.organization_id, capsys=capsys)
    assert (status, f"the edge of {running.pk} was told of entry {last.position}" in err) == (1, True)
    assert f"at position {last.position}." in err
    assert verified("--offline", capsys=capsys)[0] == 0
    act(running, "another")
    status, out, _ = verified("--json", capsys=capsys)
    kinds = [found["kind"] for chain in json.loads(out)["chains"] for found in chain["breaks"]]
    assert (status, kinds) == (1, ["forked"])


def test_who_can_not_be_asked_is_said_and_never_passed_over(running, edge, capsys):
    exchange(running)
    edge.fail_next("GET", httpx.ConnectError("away"))
    status, _, err = verified(capsys=capsys)
    assert (status, err) == (3, f"Not compared with the edge of {running.pk}: The edge can't be reached.\n")


def noting(tenant_id: str, record: dict) -> dict:
    """A record of the edge's trail, the first, with its hash."""
    noted = {**record, "chain": {"position": 1, "at": "2026-11-20T10:00:00.000Z", "previous": "", "hash": ""}}
    noted["chain"]["hash"] = edge_trail.hash_of(tenant_id, noted)
    return noted


def test_verify_edge_audit_holds_the_edges_trail_against_every_end_that_the_portal_wrote_down(
    running, edge, monkeypatch
):
    exchange(running)
    played(edge, monkeypatch, running, trail_of(running.pk))
    with pytest.raises(CommandError, match="written anew at position 1"):
        edge_verified(running)


@pytest.mark.parametrize(("upto", "words"), [(0, None), (1, "is missing"), (-1, "is another now")])
def test_and_the_portals_against_every_end_that_the_edge_was_told(running, edge, monkeypatch, upto, words):
    newest = act(running)
    record = {"action": "trail.noted", "by": "portal", "organization": running.organization_id}
    record |= {"portal_position": newest.position, "portal_hash": newest.mac if upto >= 0 else "0" * 64}
    played(edge, monkeypatch, running, [noting(running.pk, record)])
    if upto > 0:
        cut_off(running, newest.position - upto)
    if words is None:
        assert "1 records hold" in edge_verified(running)
        return
    with pytest.raises(CommandError, match=f"Entry {newest.position} of the portal's trail.*{words}"):
        edge_verified(running)
