"""Taking a trail out of the portal, and proving the file away from it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.audit_file import verify_lines
from controlplane.csv_rows import FORMULA
from organizations.models import Membership, Organization, User
from organizations.trail import export
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited

pytestmark = pytest.mark.django_db


def write(organization: Organization, target: str, **more: Any) -> None:
    with rls.acting_as(f"org:{organization.pk}"):
        actor = more.pop("by", Actor.system("the clock", organization_id=organization.pk))
        audit.record(by=actor, action="test.thing.make", organization_id=organization.pk, target=target, **more)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def exported(browser: Client, organization: Organization, **asked: Any) -> list[dict[str, Any]]:
    answer = browser.get(f"/api/v1/organizations/{organization.pk}/audit/export", {"kind": "jsonl", **asked})
    return [json.loads(line) for line in text_of(answer).splitlines()]


def lines(entries: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(entry) for entry in entries]


@pytest.fixture
def owner(alice: User, acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Alice, who has just proven that it is her."""
    monkeypatch.setattr("organizations.sso.sessions.is_fresh", lambda request: True)
    return session_of(alice)


def test_a_file_holds_the_whole_chain_and_proves_it(owner: Client, acme: Organization) -> None:
    write(acme, "größe", data={"before": {"a": 1}, "after": {"a": 2}})
    *entries, end = exported(owner, acme)
    assert [entry["position"] for entry in entries] == list(range(1, len(entries) + 1))
    assert (end["export"]["complete"], end["export"]["next"], end["export"]["entries"]) == (True, None, len(entries))
    report = verify_lines(lines([*entries, end]), with_key=True)
    assert (report.breaks, report.gaps, report.complete, report.unproven) == ([], [], True, ())


def test_the_export_itself_is_an_entry_but_not_of_its_own_file(owner: Client, acme: Organization, alice: User) -> None:
    *entries, _ = exported(owner, acme, outcome="done")
    newest = audited(acme.pk)[-1]
    assert (newest.action, newest.actor["user"]) == ("organizations.audit.export", alice.pk)
    assert newest.data == {"format": "jsonl", "search": {"outcome": "done"}}
    assert newest.position == entries[-1]["position"] + 1


def test_a_search_narrows_the_file_and_what_it_leaves_out_is_told(owner: Client, acme: Organization) -> None:
    for target in ("one", "other", "one"):
        write(acme, target)
    *entries, end = exported(owner, acme, target="one")
    assert [entry["target"] for entry in entries] == ["one", "one"]
    report = verify_lines(lines([*entries, end]), with_key=True)
    assert (report.breaks, len(report.gaps)) == ([], 2)


def test_a_long_trail_goes_on_in_the_next_file(owner: Client, acme: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(export, "A_PIECE", 2)
    monkeypatch.setattr(export, "MOST_ENTRIES", 4)
    for number in range(6):
        write(acme, f"t{number}")
    seen, after = [], 0
    while after is not None:
        *entries, end = exported(owner, acme, after=after, action="test.thing")
        assert verify_lines(lines([*entries, end]), with_key=True).breaks == []
        seen += [entry["target"] for entry in entries]
        after = end["export"]["next"]
    assert seen == [f"t{number}" for number in range(6)]


def test_a_slow_export_ends_with_a_word_instead_of_being_cut(owner: Client, acme: Organization, monkeypatch) -> None:
    monkeypatch.setattr(export, "LONGEST_SECONDS", -1)
    (end,) = exported(owner, acme)
    assert (end["export"]["complete"], end["export"]["next"]) == (False, 0)


def test_whoever_loses_the_right_meanwhile_gets_no_more(
    owner: Client, acme: Organization, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "A_PIECE", 1)
    answer = owner.get(f"/api/v1/organizations/{acme.pk}/audit/export", {"kind": "jsonl"})
    stream = iter(answer.streaming_content)
    first = next(stream) + next(stream)
    with all_rows():
        Membership.objects.filter(organization=acme, user=alice).update(role="viewer")
    rest = b"".join(stream).decode().splitlines()
    assert b'"position":1,' in first
    assert [json.loads(line)["export"]["complete"] for line in rest] == [False]


def test_a_file_takes_little_memory(owner: Client, acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "A_PIECE", 3)
    for number in range(10):
        write(acme, f"t{number}")
    answer = owner.get(f"/api/v1/organizations/{acme.pk}/audit/export", {"kind": "jsonl"})
    assert max(piece.count(b"\n") for piece in answer.streaming_content) == 3


FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_spreadsheet_runs_nothing_that_a_name_holds(owner: Client, acme: Organization, bob: User, name: str) -> None:
    with all_rows():
        User.objects.filter(pk=bob.pk).update(name=name)
    write(acme, name, by=actor_for(bob))
    answer = owner.post(f"/o/{acme.pk}/audit/export/", {"kind": "csv", "action": "test.thing"})
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.reader(io.StringIO(text_of(answer), newline="")))
    row = dict(zip(rows[0], rows[1], strict=True))
    assert (row["target"], row["name"], row["email"]) == (f"'{name}", f"'{name}", "bob@example.test")
    assert len(row["hash"]) == 64
    assert rows[-1] == ["End: 1 entries, complete"]
    assert not [cell for cells in rows for cell in cells if cell.startswith(FORMULA)]


def test_a_csv_that_is_not_complete_says_so(owner: Client, acme: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(export, "A_PIECE", 1)
    monkeypatch.setattr(export, "MOST_ENTRIES", 1)
    text = text_of(owner.post(f"/o/{acme.pk}/audit/export/", {"kind": "csv"}))
    assert text.splitlines()[-1] == "Not complete: goes on after entry 1; export again from there"


def test_an_export_needs_a_proof_of_just_now(alice: User, acme: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr("organizations.sso.sessions.is_fresh", lambda request: False)
    browser = session_of(alice)
    page = browser.post(f"/o/{acme.pk}/audit/export/", {"kind": "csv"})
    assert (page.status_code, page["Location"][:9]) == (302, "/confirm/")
    answer = browser.get(f"/api/v1/organizations/{acme.pk}/audit/export?kind=csv")
    assert (answer.status_code, answer.json()["code"]) == (403, "CONFIRMATION_NEEDED")
    assert "organizations.audit.export" not in [entry.action for entry in audited(acme.pk)]


@pytest.mark.parametrize(("name", "value"), [("kind", "xml"), ("after", "-1"), ("after", "x"), ("since", "then")])
def test_what_can_not_be_exported_is_said(owner: Client, acme: Organization, name: str, value: str) -> None:
    asked = {"kind": "csv", name: value}
    answer = owner.get(f"/api/v1/organizations/{acme.pk}/audit/export", asked)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)
    assert owner.post(f"/o/{acme.pk}/audit/export/", asked).status_code == 400


@pytest.fixture
def file(owner: Client, acme: Organization) -> list[dict[str, Any]]:
    for number in range(4):
        write(acme, f"t{number}")
    return exported(owner, acme)


def change(entries: list[dict[str, Any]]) -> None:
    entries[2]["target"] = "another"


def take_out(entries: list[dict[str, Any]]) -> None:
    del entries[2]


def cut(entries: list[dict[str, Any]]) -> None:
    del entries[-2:]


def cut_and_end(entries: list[dict[str, Any]]) -> None:
    del entries[-3:-1]
    entries[-1]["export"].update(entries=len(entries) - 1, last=len(entries) - 1)


def put_in(entries: list[dict[str, Any]]) -> None:
    entries.insert(3, {**entries[2], "target": "made up"})


def swap(entries: list[dict[str, Any]]) -> None:
    entries[2], entries[3] = entries[3], entries[2]


@pytest.mark.parametrize("harm", [change, take_out, cut, cut_and_end, put_in, swap])
def test_with_the_key_a_file_that_was_touched_is_found(file: list[dict[str, Any]], harm: Any) -> None:
    assert verify_lines(lines(file), with_key=True).breaks == []
    harm(file)
    assert verify_lines(lines(file), with_key=True).breaks


@pytest.mark.parametrize("harm", [take_out, cut, put_in, swap])
def test_without_the_key_its_order_is_proven_and_the_rest_is_said(file: list[dict[str, Any]], harm: Any) -> None:
    report = verify_lines(lines(file), with_key=False)
    assert (report.breaks, len(report.unproven)) == ([], 2)
    harm(file)
    assert verify_lines(lines(file), with_key=False).breaks


def command(path: Path, *arguments: str, capsys: Any) -> tuple[int, str, str]:
    try:
        call_command("verify_audit", "--file", str(path), *arguments)
        status = 0
    except CommandError as error:
        status = error.returncode
    return status, *capsys.readouterr()


def test_the_command_proves_a_file(file: list[dict[str, Any]], tmp_path: Path, acme: Organization, capsys: Any) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text("\n".join(lines(file)))
    count = len(file) - 1
    assert command(path, capsys=capsys) == (0, f"{count} entries of {acme.pk} hold.\n", "")
    status, out, _ = command(path, "--without-key", capsys=capsys)
    assert (status, out.count("Not proven:")) == (0, 2)
    change(file)
    path.write_text("\n".join(lines(file)))
    status, out, err = command(path, "--json", capsys=capsys)
    assert (status, err) == (1, f"{acme.pk}: an entry was changed at position 3.\n")
    assert json.loads(out)["breaks"][0]["kind"] == "changed"


@pytest.mark.parametrize("text", ["no json", "[]", '{"position": 1}', '{"export": 1}'])
def test_a_file_that_is_no_trail_is_said(tmp_path: Path, capsys: Any, text: str) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    assert command(path, capsys=capsys)[0] == 2
    assert command(tmp_path / "missing", capsys=capsys)[0] == 2
