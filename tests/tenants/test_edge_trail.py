"""The audit trail that the edge keeps, checked from outside."""

import io
import json
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from controlplane.rls import acting_as
from tenants.access import edge_trail
from tenants.access.edge_trail import Trail, first_break
from tenants.access.rows import AUDIT, event_row
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant
from tenants.provisioning.sighting import Sighting
from tests.tenants.conftest import fresh

CONTRACT = Path(__file__).parents[2] / "contracts/edge-api.json"
TENANT = "lo" + "a" * 24
NONE = {"position": 0, "hash": ""}
AT = "2026-11-20T10:00:00.000Z"


def trail_of(tenant_id: str = TENANT, length: int = 5) -> list[dict]:
    records, previous = [], ""
    for position in range(1, length + 1):
        said = {"action": "token.registered", "by": "portal", "name": f"Büro „{position}“", "groups": ["b", "a"]}
        record = {**said, "chain": {"position": position, "at": AT, "previous": previous, "hash": ""}}
        record["chain"]["hash"] = previous = edge_trail.hash_of(tenant_id, record)
        records.append(record)
    return records


def head_of(records: list[dict]) -> dict:
    return {name: records[-1]["chain"][name] for name in ("position", "hash")}


def broken(records: list[dict], *, head: dict, known: dict = NONE, shortened: bool = False) -> int | None:
    found = first_break(TENANT, Trail(records, shortened), head=head, known=[known])
    return found and found.position


def test_a_whole_trail_holds_also_with_records_that_came_while_it_was_read():
    records = trail_of()
    assert broken(records, head=head_of(records)) is None
    assert broken(records, head=head_of(records[:3]), known=head_of(records[:2])) is None
    assert broken([], head=NONE) is None


def test_a_trail_whose_beginning_left_the_stream_holds_from_there_on():
    records = trail_of()
    assert broken(records[2:], head=head_of(records), known=head_of(records[:1]), shortened=True) is None
    assert broken([], head=head_of(records), shortened=True) is None
    assert broken(records[2:], head=head_of(records)) == 1


@pytest.mark.parametrize(
    ("change", "position"),
    [
        (lambda records: records[2].update(by="person"), 3),
        (lambda records: records[2]["chain"].update(at="2026-11-20T10:00:01.000Z"), 3),
        (lambda records: records.pop(1), 2),
        (lambda records: records.insert(3, records[2]), 4),
        (lambda records: records.pop(), 5),
        (lambda records: records.clear(), 1),
        (lambda records: records.reverse(), 1),
    ],
)
def test_what_was_changed_or_left_out_is_found(change, position):
    records = trail_of()
    head = head_of(records)
    change(records)
    assert broken(records, head=head) == position


def test_a_trail_that_was_written_anew_does_not_lead_through_an_end_that_was_known():
    records, other = trail_of(), trail_of("lo" + "b" * 24)
    assert broken(records, head=head_of(records), known=head_of(other[:3])) == 3
    assert broken(records[:3], head=head_of(records[:3]), known=head_of(records)) == 4


def test_the_edges_own_records_have_these_hashes():
    """The same record and hash stand in `worker/test/audit.test.ts`."""
    record = {
        **{"action": "token.registered", "by": "portal", "token": "aaaaaaaaaa", "name": "Büro „2“\n", "max_uses": 3},
        **{"groups": ["b", "a"], "grant": None},
        "chain": {"position": 2, "at": AT, "previous": "0" * 64, "hash": ""},
    }
    assert edge_trail.hash_of(TENANT, record) == "3c7402b23e9919ae59964a3e2d8fc9d33e7393c7188f0afeec3f27ba9d1bfb4c"


def test_every_action_of_the_contract_has_words_for_people():
    contract = json.loads(CONTRACT.read_text())
    actions = contract["components"]["schemas"]["AuditRecord"]["properties"]["action"]["enum"]
    assert set(actions) == set(AUDIT)
    row = event_row({"seq": 1, "kind": "audit", "data": {"action": "token.revoked"}})
    assert row["words"] == "An enrollment token was revoked"


def played(edge, monkeypatch, tenant: Tenant, records: list[dict]) -> None:
    """The edge shows these records, a few a page among others' numbers, and the end of all of them."""
    events = [{"seq": 3 * n, "at": AT, "kind": "audit", "data": data} for n, data in enumerate(records, 1)]
    old = {"seq": 1, "at": AT, "kind": "audit", "data": {"action": "dashboard.opened"}}

    def page(*, body: object, query: dict) -> httpx.Response:
        assert query["kind"] == "audit"
        after = int(query["after"])
        found = [event for event in (old, *events) if event["seq"] > after][:2]
        upto = found[-1]["seq"] if found else after
        more = upto < 3 * len(events)
        told = {"after": after, "events": found, "next": upto, "more": more, "oldest": 1, "latest": 3 * len(events)}
        return httpx.Response(200, json=told)

    monkeypatch.setattr(edge, "_events", page)
    edge.views[tenant.pk]["audit"] = head_of(records)


def verified(tenant: Tenant) -> str:
    out = io.StringIO()
    call_command("verify_edge_audit", tenant=[tenant.pk], stdout=out)
    return out.getvalue()


def test_an_operator_has_a_tenants_trail_verified(running, edge, monkeypatch):
    played(edge, monkeypatch, running, trail_of(running.pk))
    assert verified(running) == f"{running.pk}: 5 records hold.\n"


def test_a_trail_that_does_not_hold_fails_the_command_and_says_where(running, edge, monkeypatch):
    records = trail_of(running.pk)
    records[3]["by"] = "person"
    played(edge, monkeypatch, running, records)
    with pytest.raises(CommandError, match="a record was changed at position 4"):
        verified(running)


def test_an_end_that_the_portal_knew_is_compared_also_when_the_edge_tells_another(running, edge, monkeypatch):
    records = trail_of(running.pk)
    view = {**running.edge_view, "audit": {"position": 2, "hash": "f" * 64}}
    with acting_as(f"org:{running.organization_id}"):
        Tenant.objects.filter(pk=running.pk).update(edge_view=view)
    played(edge, monkeypatch, running, records)
    with pytest.raises(CommandError, match="written anew at position 2"):
        verified(running)


def test_the_portal_keeps_the_furthest_end_that_it_learned_of(running, edge):
    for position, kept in [(4, 4), (3, 4), (7, 7)]:
        view = {**edge.views[running.pk], "audit": {"position": position, "hash": str(position) * 64}}
        with acting_as(f"org:{running.organization_id}"), transaction.atomic():
            assert mirror.record(mirror.locked(running.pk), Sighting.read(view))
        assert fresh(running).edge_view["audit"] == {"position": kept, "hash": str(kept) * 64}


def test_an_unknown_cell_is_said(cell):
    with pytest.raises(CommandError, match="There is no cell zz"):
        call_command("verify_edge_audit", tenant=["zz" + "a" * 24])


def test_of_several_tenants_all_are_looked_at_and_each_break_is_named(running, edge, monkeypatch):
    played(edge, monkeypatch, running, trail_of(running.pk))
    unknown = ["zz" + letter * 24 for letter in "ab"]
    with pytest.raises(CommandError, match=rf"{unknown[0]}: There is no cell zz\.\n{unknown[1]}: "):
        call_command("verify_edge_audit", tenant=[unknown[0], running.pk, unknown[1]], stdout=(out := io.StringIO()))
    assert out.getvalue() == f"{running.pk}: 5 records hold.\n"
