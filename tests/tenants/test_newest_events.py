"""The events page finds the newest of what was chosen at the edge, however rare it is and however long the log."""

import pytest

from tenants.access import newest, queries
from tests.cast import session_of

pytestmark = pytest.mark.django_db

ALL = ("alert", "lifecycle", "enrollment", "audit")


class Log:
    """A log of alerts with a few audit records, read as the edge reads it: forwards, so many numbers a read."""

    def __init__(self, *, length: int, audit: tuple[int, ...] = (), oldest: int = 1, scan: int = 10_000) -> None:
        self.kinds = {seq: "audit" if seq in audit else "alert" for seq in range(oldest, length + 1)}
        self.length, self.oldest, self.scan = length, oldest, scan
        self.reads: list[tuple[int, int, tuple[str, ...]]] = []

    def read(self, *, after: int = 0, limit: int = 100, kinds=()) -> dict:
        self.reads.append((after, limit, tuple(kinds)))
        start = max(after, self.oldest - 1)
        events: list[dict] = []
        reached = start
        while reached < min(start + self.scan, self.length) and len(events) < limit:
            reached += 1
            if self.kinds[reached] in kinds:
                events.append(self.event(reached))
        more = reached < self.length
        return {"events": events, "next": reached, "more": more, "oldest": self.oldest, "latest": self.length}

    def event(self, seq: int) -> dict:
        return {"seq": seq, "at": "2026-11-23T10:00:00.000Z", "kind": self.kinds[seq], "data": {"action": f"n{seq}"}}


def seqs(found: newest.Found) -> list[int]:
    return [event["seq"] for event in found.events]


def test_the_newest_are_found_however_far_behind_the_known_position_is():
    log = Log(length=1000)
    found = newest.Search(log, ALL, enough=51).newest(known=7)
    assert seqs(found)[:51] == list(range(1000, 949, -1))
    assert found.latest == 1000
    assert len(log.reads) == 2


def test_rare_ones_are_found_far_back_and_only_they_cross_the_wire():
    rare = (3, 40, 9000)
    log = Log(length=30_000, audit=rare)
    found = newest.Search(log, ("audit",), enough=51).newest(known=30_000)
    assert seqs(found) == [9000, 40, 3]
    assert found.start == 0
    assert {kinds for _, _, kinds in log.reads} == {("audit",)}


def test_one_page_looks_at_a_bounded_part_and_the_next_goes_on_where_it_ended():
    rare = (3, 290_000)
    log = Log(length=300_000, audit=rare, scan=2000)
    first = newest.Search(log, ("audit",), enough=51).newest(known=300_000)
    assert len(log.reads) <= newest.MOST_READS
    assert seqs(first) == [290_000]
    assert first.start > 3
    seen, before = seqs(first), first.start + 1
    for _ in range(60):
        page = newest.Search(log, ("audit",), enough=51).before(before)
        seen, before = seen + seqs(page), page.start + 1
        if page.start == 0:
            break
    assert seen == [290_000, 3]


@pytest.mark.parametrize("before", [1000, 201, 200, 52, 2, 1])
def test_pages_join_without_a_gap_and_without_a_repeat(before):
    found = newest.Search(Log(length=1000), ALL, enough=51).before(before)
    assert seqs(found) == list(range(before - 1, found.start, -1))
    assert len(found.events) >= min(51, before - 1)


def test_a_page_gets_on_even_where_one_read_brings_one_event():
    found = newest.Search(Log(length=1000, scan=1), ALL, enough=51).before(1001)
    assert seqs(found) == list(range(1000, 800, -1))


def test_what_left_the_log_by_its_age_is_not_looked_for():
    log = Log(length=1000, oldest=900)
    found = newest.Search(log, ("audit",), enough=51).newest(known=1000)
    assert (seqs(found), found.start < found.oldest, len(log.reads)) == ([], True, 1)
    assert newest.Search(Log(length=0), ALL, enough=51).newest(known=0) == newest.Found([], 0, 1, 0)


def test_the_page_shows_what_was_chosen_and_leads_on(running, edge, alice, monkeypatch):
    log = Log(length=5000, audit=tuple(range(100, 5000, 60)))
    monkeypatch.setattr(queries.EventLog, "read", lambda self, **asked: log.read(**asked))
    browser, seen, address = session_of(alice), [], "?kind=audit"
    while address:
        page = browser.get(f"/t/{running.pk}/events/{address}")
        assert {event["kind"] for event in page.context["events"]} <= {"audit"}
        seen += [event["seq"] for event in page.context["events"]]
        address = page.context["page"]["older"]
    assert seen == sorted(range(100, 5000, 60), reverse=True)
    everything = browser.get(f"/t/{running.pk}/events/?kind=none").context["events"]
    assert everything[0]["seq"] == 5000


def test_the_tail_goes_on_behind_what_was_not_chosen(running, edge, alice, monkeypatch):
    log = Log(length=500, audit=(450,))
    monkeypatch.setattr(queries.EventLog, "read", lambda self, **asked: log.read(**asked))
    tail = session_of(alice).get(f"/t/{running.pk}/events/tail/?after=10&kind=audit")
    assert [event["seq"] for event in tail.context["events"]] == [450]
    assert tail.context["latest"] == 500
