"""Charts of what was used: what is known is drawn, what is not known stays open, and nobody else sees it."""

import datetime as dt
from decimal import Decimal

import pytest

from controlplane import rls
from controlplane.templatetags.portal import measured
from tenants.metering.charts import CHARTS, RANGES, draw, moments_of
from tenants.metering.models import UsageHour
from tests.cast import session_of

NOW = dt.datetime(2026, 11, 27, 14, 35, tzinfo=dt.UTC)
NOON = NOW.replace(hour=12, minute=0)
KEYS = [chart.key for chart in CHARTS]


def row(at: dt.datetime, kind: str, amount: float, role: str = "", size: str = "") -> dict:
    return {"at": at, "kind": kind, "role": role, "size": size, "amount": Decimal(str(amount))}


def chart(rows: list[dict], key: str, chosen: str = "24h"):
    return draw(rows, RANGES[chosen], NOW)[KEYS.index(key)]


def at_noon(drawn, line: int = 0) -> float | None:
    return drawn.values[line][drawn.moments.index(NOON)]


@pytest.mark.parametrize(("chosen", "steps"), [("24h", 24), ("7d", 168), ("30d", 30), ("90d", 90)])
def test_a_range_ends_with_the_hour_or_day_under_way(chosen, steps):
    moments = moments_of(RANGES[chosen], NOW)
    assert len(moments) == steps
    assert moments[-1] == NOW.replace(minute=0, **({} if chosen in ("24h", "7d") else {"hour": 0}))
    assert moments == sorted(set(moments))


def test_a_time_of_which_nothing_was_told_stays_open():
    drawn = chart([row(NOON, "alerts", 7200)], "alerts")
    assert at_noon(drawn) == 2.0
    assert [value for value in drawn.values[0] if value is not None] == [2.0]
    assert not chart([], "alerts").is_known


def test_a_sum_without_a_row_is_nothing_in_an_hour_that_was_told_and_a_peak_is_not_known():
    told = [row(NOON, "container_seconds", 3600, "manager", "standard-1")]
    assert at_noon(chart(told, "alerts")) == 0.0
    assert at_noon(chart(told, "agents")) is None
    assert at_noon(chart(told, "storage")) is None


def test_containers_of_a_role_count_together_whatever_their_size():
    sizes = [row(NOON, "container_seconds", 1800, "indexer", size) for size in ("standard-1", "standard-2")]
    drawn = chart(sizes, "containers")
    assert [at_noon(drawn, line) for line in range(3)] == [1.0, 0.0, 0.0]


def test_the_newest_value_that_is_known_stands_beside_each_line():
    drawn = chart([row(NOON, "agents_active", 3), row(NOON, "agents_enrolled", 5)], "agents")
    assert [(line.label, value) for line, value in drawn.last] == [("Connected", 3.0), ("Enrolled", 5.0)]


def test_the_table_begins_with_the_newest_time():
    drawn = chart([row(NOON, "agents_active", 3)], "agents")
    assert drawn.rows[0][0] == drawn.moments[-1]
    assert (NOON, (3.0, None)) in drawn.rows


@pytest.mark.django_db
def test_the_page_shows_a_tenants_usage_as_a_table_too_and_only_to_who_may_see_it(running, alice, mallory):
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=2)
    with rls.acting_as(f"org:{running.organization_id}"):
        UsageHour.objects.create(
            tenant=running,
            organization_id=running.organization_id,
            hour=hour,
            kind="disk_used_bytes",
            role="indexer",
            quantity=Decimal(1_440_000_000),
        )
    page = session_of(alice).get(f"/t/{running.pk}/usage/?range=24h")
    assert '<data value="1440000000.000000">1.44 GB</data>' in page.content.decode()
    assert session_of(mallory).get(f"/t/{running.pk}/usage/").status_code == 404


@pytest.mark.django_db
def test_an_unknown_range_shows_the_usual_one(running, alice):
    page = session_of(alice).get(f"/t/{running.pk}/usage/?range=ever")
    assert page.status_code == 200
    assert page.context["range"].label == "7 days"


@pytest.mark.parametrize(
    ("quantity", "unit", "words"),
    [
        (1_440_000_000, "bytes", "1.44 GB"),
        (999, "bytes", "999 B"),
        (0, "bytes", "0 B"),
        (12.5, "hours", "12.5 h"),
        (0.034, "rate", "0.03/s"),
        (5000, "count", "5,000"),
        (None, "count", "not known"),
    ],
)
def test_quantities_have_no_more_digits_than_a_reader_compares(quantity, unit, words):
    assert measured(quantity, unit) == words
