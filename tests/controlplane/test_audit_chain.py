"""A chain that was tampered with past the database is found, and the place is told; and so it is by the clock."""

import datetime as dt
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from controlplane import audit_checks, rls, tasks
from controlplane.audit_chain import verify
from controlplane.models import AuditCheck, AuditEntry
from tests.controlplane.chains import HEAD, TABLE, TAMPERED, write
from tests.database import all_rows, without_triggers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain():
    write("org_a", "t1", "t2", "t3", "t4", "t5")
    write("org_b", "t9")


def tamper(*statements: str) -> None:
    with without_triggers() as execute:
        for statement in statements:
            execute(statement)


def told(report) -> list[tuple[str, int]]:
    return [(found.kind, found.position) for found in report.breaks]


def test_a_chain_that_was_left_alone_holds(chain):
    report = verify("org_a")
    assert (report.holds, report.entries, report.end[0]) == (True, 5, 5)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_past_the_database_is_found_where_it_was_done(chain, name):
    statements, expected = TAMPERED[name]
    tamper(*statements)
    assert told(verify("org_a")) == expected
    assert verify("org_b").holds


def test_many_breaks_are_told_up_to_a_bound(chain):
    write("org_a", *(f"more{n}" for n in range(40)))
    tamper(f"UPDATE {TABLE} SET refused = true WHERE organization_id = 'org_a'")
    assert len(verify("org_a").breaks) == 20


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    try:
        call_command("verify_audit", *arguments)
        status = 0
    except CommandError as error:
        status = error.returncode
    out, err = capsys.readouterr()
    return status, out, err


def test_the_command_walks_every_chain_and_fails_when_one_is_broken(chain, capsys):
    assert run(capsys=capsys) == (0, "2 chains hold, with 6 entries.\n", "")
    tamper(f"UPDATE {TABLE} SET target = 'other' WHERE target = 't9'")
    status, _, err = run(capsys=capsys)
    assert (status, err) == (1, "org_b: an entry was changed at position 1.\n")
    assert run("--organization", "org_a", capsys=capsys)[0] == 0


def test_the_command_tells_programs_the_same(chain, capsys):
    tamper(f"DELETE FROM {TABLE} WHERE target = 't2'")
    status, out, _ = run("--json", capsys=capsys)
    report = json.loads(out)
    assert (status, report["holds"]) == (1, False)
    broken = next(found for found in report["chains"] if found["breaks"])
    assert (broken["organization"], broken["breaks"][0]["kind"], broken["breaks"][0]["position"]) == (
        "org_a",
        "missing",
        2,
    )


def check_all() -> None:
    for name in audit_checks.chains():
        while audit_checks.check(name):
            pass


def checked(organization: str) -> AuditCheck:
    with rls.acting_as(f"org:{organization}"):
        return AuditCheck.objects.get(pk=organization)


def alarms() -> list[str]:
    with all_rows():
        entries = AuditEntry.objects.filter(action="controlplane.trail.break").order_by("position")
        return [f"{entry.target} {entry.data['kind']}" for entry in entries]


def test_the_clock_finds_that_a_chain_holds_and_remembers_how_far(chain):
    check_all()
    found = checked("org_a")
    assert (found.breaks, found.seen, found.position) == ([], 5, 5)
    assert found.checked_at is not None
    write("org_a", "t6")
    check_all()
    assert (checked("org_a").seen, alarms()) == (6, [])


def test_a_long_chain_is_walked_in_pieces(chain, monkeypatch):
    monkeypatch.setattr(audit_checks, "A_PIECE", 2)
    sent = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: sent.append((task.name, arguments)))
    tasks.check_audit_chains()
    again = ("controlplane.tasks.check_audit_chain", ("org_a",))
    assert again in sent
    for _ in range(2):
        sent.clear()
        tasks.check_audit_chain("org_a")
        assert sent == [again]
    sent.clear()
    tasks.check_audit_chain("org_a")
    assert (sent, checked("org_a").seen) == ([], 5)


def test_a_break_is_told_once_and_stays_until_a_whole_walk_finds_none(chain):
    tamper(f"UPDATE {TABLE} SET target = 'x' WHERE target = 't2'")
    for _ in range(3):
        check_all()
    assert checked("org_a").breaks[0]["position"] == 2
    assert alarms() == ["org_a changed"]
    tamper(f"UPDATE {TABLE} SET target = 't2' WHERE target = 'x'")
    check_all()
    assert checked("org_a").breaks == []


def test_an_end_that_was_cut_off_with_its_kept_end_is_found_by_what_was_seen_before(chain):
    """The attack: the newest entries are removed, and the kept end is set back to the one before them."""
    check_all()
    tamper(
        f"DELETE FROM {TABLE} WHERE target IN ('t4', 't5')",
        HEAD.format(3, TABLE, "t3") + " WHERE organization_id = 'org_a'",
    )
    assert verify("org_a").holds
    check_all()
    assert [(found["kind"], found["position"]) for found in checked("org_a").breaks] == [("truncated", 4)]


def test_what_was_changed_after_it_was_checked_is_found_within_a_day(chain, monkeypatch):
    check_all()
    tamper(f"UPDATE {TABLE} SET target = 'x' WHERE target = 't2'")
    check_all()
    assert checked("org_a").breaks == []
    later = timezone.now() + dt.timedelta(days=1)
    monkeypatch.setattr(audit_checks.timezone, "now", lambda: later)
    check_all()
    assert checked("org_a").breaks[0]["position"] == 2


def test_a_chain_that_lost_its_kept_end_is_still_looked_for(chain):
    check_all()
    tamper("DELETE FROM controlplane_audithead WHERE organization_id = 'org_a'")
    assert "org_a" in audit_checks.chains()
    check_all()
    assert checked("org_a").breaks[0]["kind"] == "end_lost"
