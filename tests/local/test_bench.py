"""What the bench says of its samples, and that it measures a real portal and a real edge."""

import json
import socket
import struct
import subprocess
import sys
from dataclasses import asdict

import pytest

from local.bench import peer, profile
from local.bench.__main__ import chosen
from local.bench.measures import MEASURES
from local.bench.pairs import Series, Trial, sampled
from local.bench.rows import Aim, Goal, Row, Table, cells
from local.stack.layout import REPOSITORY

SERIES = Series(ours=[90, 110, 200], again=[110, 110, 200], references={"other": [100, 55, 100]})


def test_ours_and_the_reference_take_turns_and_the_first_of_each_does_not_count():
    turns: list[str] = []

    def sample(name: str) -> float:
        turns.append(name)
        return float(len(turns))

    series = sampled(Trial(lambda: sample("ours"), {"other": lambda: sample("other")}), pairs=2)
    assert turns == ["ours", "other", *["ours", "other", "ours"] * 2]
    assert (series.ours, series.references["other"], series.again) == ([3, 6], [4, 7], [5, 8])


def test_a_ratio_is_the_median_of_pairs_and_not_of_figures():
    assert SERIES.ratio("other") == 2.0  # of 1, 2 and 2
    assert SERIES.figure == 110
    assert SERIES.reference("other") == 100


def test_the_spread_is_what_ours_differs_from_ours():
    assert SERIES.spread == 0.0  # two of three pairs are equal
    assert Series([90, 120, 50], [100, 100, 100], {}).spread == pytest.approx(0.2)


@pytest.mark.parametrize(("goal", "met"), [(Goal(1.9), True), (Goal(2.1), False), (Goal(2.1, at_most=True), True)])
def test_a_goal_is_met_by_the_ratio(goal: Goal, met: bool):
    (row,) = Aim("P0", "something", "calls/s", {"other": goal}).rows(SERIES)
    assert row.met is met
    assert row.ratio == 2.0


def test_a_goal_without_a_reference_is_met_by_the_figure_itself():
    (row,) = Aim("P0", "memory", "MiB", {"": Goal(111, at_most=True)}).rows(SERIES)
    assert (row.met, row.ratio, row.reference, row.goal) == (True, None, None, "≤ 111")


def test_a_row_says_where_noise_alone_could_have_decided():
    noisy = Series(ours=[100], again=[200], references={"other": [150]})
    (row,) = Aim("P0", "something", "calls/s", {"other": Goal(1.2)}, "no disk").rows(noisy)
    assert row.note == "no disk; nearer to the goal than samples to each other"
    (clear,) = Aim("P0", "something", "calls/s", {"other": Goal(4)}, "no disk").rows(noisy)
    assert clear.note == "no disk"


def a_row() -> Row:
    (row,) = Aim("P0", "something", "calls/s", {"other": Goal(2)}, "no disk").rows(SERIES)
    return row


def test_json_has_the_rows_by_the_names_of_the_table(capsys: pytest.CaptureFixture[str]):
    table = Table(as_json=True)
    table.open()
    table.add(a_row())
    table.close({"processors": 2})
    told = json.loads(capsys.readouterr().out)
    assert told == {"machine": {"processors": 2}, "rows": [asdict(a_row())]}
    assert {"id", "ours", "reference", "ratio", "spread", "goal", "met", "note"} <= told["rows"][0].keys()


def test_the_table_shows_figures_with_units_and_notes_below(capsys: pytest.CaptureFixture[str]):
    table = Table(as_json=False)
    table.open()
    table.add(a_row())
    table.close({"processors": 2})
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| P0 | something | 110 calls/s | 100 (other) | 2.00× | ± 0% | ≥ 2× | yes |"
    assert lines[3:] == ["- P0 something: no disk", "processors: 2"]
    assert cells(a_row())[0] == "P0"


def test_a_ratio_near_nothing_keeps_its_digits():
    (row,) = Aim("P0", "something", "calls/s", {"other": Goal(2)}).rows(Series([3], [3], {"other": [1000]}))
    assert cells(row)[4] == "0.003×"


def test_measures_are_chosen_by_id_and_an_unknown_one_is_named():
    assert {measure.aim.id for measure in chosen("p13,P14")} == {"P13", "P14"}
    assert len(chosen("")) == len(MEASURES)
    assert {f"P{number}" for number in (1, 2, 3, 5, 6, 7, *range(11, 20))} == {measure.aim.id for measure in MEASURES}
    with pytest.raises(SystemExit, match="no measure P99"):
        chosen("P11,P99")


def test_a_profile_is_told_as_parts_of_the_time_with_everything_outside_first():
    frames = {1: ("(program)", ""), 2: ("pump", "file:///x/index.js"), 3: ("", "")}
    nodes = [
        {"id": id, "callFrame": {"functionName": name, "url": url, "lineNumber": 9}}
        for id, (name, url) in frames.items()
    ]
    taken = {"nodes": nodes, "samples": [1, 2, 2, 3], "timeDeltas": [100, 200, 100, 100]}
    assert profile.shares(taken) == [" 20.0% outside of JavaScript", " 60.0% pump index.js:10", " 20.0% (anonymous)"]


@pytest.fixture
def far_end(socket_enabled: None):
    """A connection whose other end is the peer."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        ours.settimeout(10)
        peer.in_thread(listener.accept()[0])
        yield ours


def order(act: str, amount: int) -> bytes:
    payload = f"!001!#AES:{act}{amount:016}".encode()
    return struct.pack("<I", len(payload)) + payload


def received(connection: socket.socket, count: int) -> bytes:
    with connection.makefile("rb") as file:
        return file.read(count)


def test_the_peer_gives_what_it_is_asked_for(far_end: socket.socket):
    far_end.sendall(order("D", 3 * peer.CHUNK))
    assert len(received(far_end, 3 * peer.CHUNK)) == 3 * peer.CHUNK


def test_the_peer_tells_what_it_has_taken(far_end: socket.socket):
    far_end.sendall(order("U", 100) + bytes(100))
    assert received(far_end, 8) == struct.pack("<Q", 100)


def test_the_peer_sends_back(far_end: socket.socket):
    far_end.sendall(order("E", 0) + b"there and back")
    assert received(far_end, 14) == b"there and back"


@pytest.mark.stack
@pytest.mark.parametrize(("measure", "against"), [("P3", "page 1"), ("P12", "bare object fetch")])
def test_one_measure_runs_on_the_real_thing(measure, against):
    command = [sys.executable, "-m", "local.bench", "--json", "--only", measure, "--pairs", "1", "--scale", "0.01"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    (row,) = json.loads(run.stdout)["rows"]
    assert (row["id"], row["against"]) == (measure, against)
    assert row["ours"] > 0
    assert row["reference"] > 0
