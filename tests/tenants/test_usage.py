"""What tenants used: read from the edge without a gap, counted once, and shown to whoever may see the tenant."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from django.db import OperationalError

from controlplane import rls
from tenants.metering import feed, queries, tasks
from tenants.metering.models import UsageHour
from tenants.provisioning import mirror
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell

pytestmark = pytest.mark.django_db

NINE, TEN, NEXT_DAY = "2026-11-20T09:00:00.000Z", "2026-11-20T10:00:00.000Z", "2026-11-21T09:00:00.000Z"


@pytest.fixture
def used(running, edge):
    """Two hours of one day and one of the next."""
    for hour in (NINE, TEN, NEXT_DAY):
        edge.use(running.pk, hour, "container_seconds", 3600.0, "manager")
    edge.use(running.pk, NINE, "agents_active", 7)
    edge.use(running.pk, TEN, "agents_active", 3)
    return running


def known(tenant) -> dict[tuple[str, str], Decimal]:
    with rls.acting_as(f"org:{tenant.organization_id}"):
        rows = UsageHour.objects.filter(tenant=tenant)
        return {(row.hour.isoformat()[:13], row.kind): row.quantity for row in rows}


def cursor() -> tuple[str, int]:
    cell = Cell.objects.get()
    return cell.usage_epoch, cell.usage_seq


def test_the_feed_is_read_to_its_end_page_by_page(used, monkeypatch):
    monkeypatch.setattr(feed, "PAGE", 2)
    assert feed.read_all("lo") == 5
    assert cursor() == ("epoch-1", 5)
    assert known(used) == {
        ("2026-11-20T09", "container_seconds"): Decimal(3600),
        ("2026-11-20T10", "container_seconds"): Decimal(3600),
        ("2026-11-21T09", "container_seconds"): Decimal(3600),
        ("2026-11-20T09", "agents_active"): Decimal(7),
        ("2026-11-20T10", "agents_active"): Decimal(3),
    }
    assert feed.read_all("lo") == 0


def test_every_kind_that_the_edge_tells_has_a_name_here():
    contract = json.loads(Path("contracts/edge-api.json").read_text())
    assert contract["components"]["schemas"]["Usage"]["properties"]["kind"]["enum"] == UsageHour.Kind.values


def test_bytes_of_a_day_add_up(running, edge):
    for hour, quantity in ((NINE, 2**40), (TEN, 1), (TEN, 3)):
        edge.use(running.pk, hour, "tunnel_bytes_up", quantity)
    feed.read_all("lo")
    assert known(running)["2026-11-20T10", "tunnel_bytes_up"] == Decimal(4)
    since, until = (dt.datetime(2026, 11, day, tzinfo=dt.UTC) for day in (20, 21))
    with rls.acting_as(f"org:{running.organization_id}"):
        (row,) = queries.used(running, since=since, until=until, by="day")
    assert (row["kind"], row["amount"]) == ("tunnel_bytes_up", Decimal(2**40 + 4))


def test_what_comes_late_for_an_hour_is_added_and_of_agents_the_most_count(used, edge):
    feed.read_all("lo")
    edge.use(used.pk, NINE, "container_seconds", 0.125, "manager")
    edge.use(used.pk, NINE, "agents_active", 5)
    feed.read_all("lo")
    assert known(used)["2026-11-20T09", "container_seconds"] == Decimal("3600.125")
    assert known(used)["2026-11-20T09", "agents_active"] == Decimal(7)


def test_a_page_that_comes_twice_counts_once(used, edge):
    feed.read_all("lo")
    before = known(used)
    Cell.objects.update(usage_seq=0)
    assert feed.read_all("lo") == 5
    assert known(used) == before


def test_a_reader_that_dies_before_its_cursor_moved_loses_and_doubles_nothing(used, monkeypatch):
    move = feed.move

    def dies(cell, feed_epoch, seq):
        return move(cell, feed_epoch, seq) if seq == 0 else 1 / 0

    with monkeypatch.context() as broken:
        broken.setattr(feed, "move", dies)
        with pytest.raises(ZeroDivisionError):
            feed.read_all("lo")
    before = known(used)
    assert cursor() == ("epoch-1", 0)
    feed.read_all("lo")
    assert known(used) == before


def test_of_two_readers_the_slower_stops_and_nothing_counts_twice(used, monkeypatch):
    take, raced = feed.take, []

    def beside(cell, rows):
        take(cell, rows)
        if not raced:
            raced.append(True)
            feed.read_all("lo")

    monkeypatch.setattr(feed, "take", beside)
    feed.read_all("lo")
    assert cursor() == ("epoch-1", 5)
    assert known(used)["2026-11-20T09", "container_seconds"] == Decimal(3600)


def test_a_new_epoch_is_read_from_its_beginning_and_adds_only_what_is_new(used, edge):
    feed.read_all("lo")
    edge.feed_epoch = "epoch-2"
    edge.use(used.pk, TEN, "alerts", 60)
    for seq, row in enumerate(edge.used[2:], start=1):
        row["seq"] = seq
    edge.used = edge.used[2:]
    feed.read_all("lo")
    assert cursor() == ("epoch-2", 4)
    assert sum(known(used).values()) == Decimal(3 * 3600 + 10 + 60)


def test_a_feed_that_was_set_back_is_read_from_its_beginning(used, edge):
    feed.read_all("lo")
    edge.used = edge.used[:1]
    assert feed.read_all("lo") == 1
    assert cursor() == ("epoch-1", 1)
    assert known(used)["2026-11-20T09", "container_seconds"] == Decimal(3600)


def test_what_the_edge_has_dropped_unread_is_told_as_lost(used, edge, caplog):
    feed.read_all("lo")
    edge.use(used.pk, NEXT_DAY, "alerts", 4)
    edge.use(used.pk, NEXT_DAY, "alerts", 2)
    edge.used = edge.used[-1:]
    feed.read_all("lo")
    assert known(used)["2026-11-21T09", "alerts"] == Decimal(2)
    assert "usage_lost" in caplog.text


@pytest.mark.parametrize(
    "broken",
    [
        {"hour": "2026-11-20T09:30:00Z"},
        {"hour": None},
        {"quantity": -1},
        {"quantity": "many"},
        {"quantity": float("nan")},
        {"kind": "x" * 33},
        {"object_seq": None},
    ],
)
def test_a_row_that_can_not_be_read_is_not_passed_over(used, edge, broken):
    feed.read_all("lo")
    edge.use(used.pk, NEXT_DAY, "alerts", 1)
    row = edge.used[-1]
    edge.used[-1] = {**row, **broken}
    raw = {"feed_epoch": "epoch-1", "oldest_seq": 1, "latest_seq": 6, "rows": [edge.used[-1]]}
    with pytest.raises(EdgeError):
        feed.read_page(raw)
    edge.used[-1] = {**row, "hour": "no hour"}
    with pytest.raises(EdgeError):
        feed.read_all("lo")
    assert cursor() == ("epoch-1", 5)
    edge.used[-1] = row
    assert feed.read_all("lo") == 1


def test_a_database_that_does_not_answer_stops_the_reader_before_its_cursor(used, monkeypatch):
    def away(*_):
        raise OperationalError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(mirror, "locked", away)
        with pytest.raises(OperationalError):
            feed.read_all("lo")
    assert cursor() == ("epoch-1", 0)
    assert feed.read_all("lo") == 5


def test_tenants_of_other_cells_or_of_nobody_are_passed_over(used, edge):
    stranger = "lo" + "a" * 24
    edge.use(stranger, NINE, "alerts", 1)
    assert feed.read_all("lo") == 6
    other = Cell.objects.create(id="lb", base_url="http://b.test", dashboard_zone="b", runtime="docker", versions=["4"])
    before = known(used)
    feed.take(other, feed.read_page({**_page(edge), "rows": [{**edge.used[0], "object_seq": 999}]}).rows)
    assert known(used) == before


def _page(edge) -> dict[str, object]:
    return {"feed_epoch": edge.feed_epoch, "oldest_seq": 1, "latest_seq": len(edge.used)}


def test_a_cell_that_does_not_answer_delays_no_other(used, edge):
    Cell.objects.create(id="aa", base_url="http://edge.test", dashboard_zone="a", runtime="docker", versions=["4"])
    edge.fail_next("/v1/usage", httpx.ReadTimeout("away"))
    tasks.read_usage()
    assert Cell.objects.get(pk="lo").usage_seq == 5
    assert Cell.objects.get(pk="aa").usage_seq == 0


class TestTheApi:
    @pytest.fixture(autouse=True)
    def read(self, used):
        feed.read_all("lo")

    def ask(self, api, tenant, query: str = "from=2026-11-20&to=2026-11-22"):
        return api.send("GET", f"tenants/{tenant.pk}/usage?{query}")

    def test_adds_up_days_and_takes_the_most_agents_of_each(self, api, used):
        answer = self.ask(api, used).json()
        assert (answer["from"], answer["to"], answer["by"]) == ("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z", "day")
        manager = {"kind": "container_seconds", "role": "manager", "size": "standard-1"}
        nobodys = {"kind": "agents_active", "role": "", "size": ""}
        assert answer["usage"] == [
            {"at": "2026-11-20T00:00:00Z", **nobodys, "quantity": 7.0},
            {"at": "2026-11-20T00:00:00Z", **manager, "quantity": 7200.0},
            {"at": "2026-11-21T00:00:00Z", **manager, "quantity": 3600.0},
        ]

    def test_shows_hours_and_leaves_out_what_is_not_within(self, api, used):
        query = "by=hour&from=2026-11-20T10:00:00&to=2026-11-21T10:00:00%2B01:00"
        rows = self.ask(api, used, query).json()["usage"]
        assert [(row["at"], row["quantity"]) for row in rows] == [
            ("2026-11-20T10:00:00Z", 3.0),
            ("2026-11-20T10:00:00Z", 3600.0),
        ]

    def test_covers_the_last_thirty_days_by_default(self, api, used):
        answer = self.ask(api, used, "").json()
        since, until = (dt.datetime.fromisoformat(answer[name]) for name in ("from", "to"))
        assert until - since == dt.timedelta(days=30)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("by=week", "by"),
            ("from=yesterday", "from"),
            ("to=2026-13-01", "to"),
            ("to=9999-12-31T23:59:59-12:00", "to"),
            ("from=2026-11-22&to=2026-11-22", "from"),
            ("from=2020-01-01&to=2026-11-22", "from"),
            ("from=2026-09-01&to=2026-11-22&by=hour", "from"),
            ("to=0001-01-02", "to"),
        ],
    )
    def test_names_the_parameter_that_does_not_fit(self, api, used, query, field):
        answer = self.ask(api, used, query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    def test_shows_an_outsider_nothing(self, outsider, used):
        assert self.ask(outsider, used).status_code == 404
