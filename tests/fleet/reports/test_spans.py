"""Weeks and months of reports, in the time zone of whoever reads them."""

import datetime as dt

import pytest

from fleet.reports import spans

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("every", "zone", "begins", "ends"),
    [
        ("monthly", "UTC", utc(2026, 10, 1), utc(2026, 11, 1)),
        # The clocks went back on 25 October: that month has an hour more.
        ("monthly", "Europe/Berlin", utc(2026, 9, 30, 22), utc(2026, 10, 31, 23)),
        ("weekly", "UTC", utc(2026, 11, 16), utc(2026, 11, 23)),
        ("weekly", "America/New_York", utc(2026, 11, 16, 5), utc(2026, 11, 23, 5)),
    ],
)
def test_the_last_whole_span_is_one_of_the_zone(every, zone, begins, ends):
    assert spans.last_whole(every, zone, NOW) == (begins, ends)


def test_a_report_is_due_two_hours_after_its_span_and_tells_of_that_span():
    due = spans.due_after("monthly", "Europe/Berlin", NOW)
    assert due == utc(2026, 12, 1, 1)
    assert spans.reported_at("monthly", "Europe/Berlin", due) == (utc(2026, 10, 31, 23), utc(2026, 11, 30, 23))
    assert spans.due_after("monthly", "Europe/Berlin", utc(2026, 11, 30, 23)) == utc(2027, 1, 1, 1)


def test_every_moment_lies_in_exactly_one_span():
    for every in ("weekly", "monthly"):
        begins, ends = spans.around(every, "Europe/Berlin", utc(2026, 3, 1))
        for _ in range(30):
            assert begins < ends
            following = spans.around(every, "Europe/Berlin", ends)
            assert following[0] == ends
            begins, ends = following
