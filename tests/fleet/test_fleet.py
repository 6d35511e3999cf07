"""The fleet of thousands of tenants: what a page of it costs, and that pages put together are the whole."""

from collections import Counter

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane import ordered, rls
from fleet.clients import queries
from fleet.clients.filters import SORTS, Asked
from organizations.models import Organization
from tenants.provisioning.models import Cell
from tests.cast import actor_for, found, found_msp, join, person, session_of
from tests.conftest import ON_POSTGRES
from tests.database import all_rows
from tests.fleet.seeded import STATES, seed

pytestmark = pytest.mark.django_db

# Triggers of Postgres fill the access table a row at a time, which of ten thousand clients takes minutes.
MANY, FEW = 1_000 if ON_POSTGRES else 10_000, 100


@pytest.fixture(scope="module")
def fleets(django_db_setup, django_db_blocker):
    """Maria's MSP with `MANY` clients and Otto's with `FEW`, in a transaction that is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        cell = Cell.objects.create(
            id="lo", base_url="http://edge.test", dashboard_zone="dash.test", runtime="stand-in", versions=["4.14.7"]
        )
        paula, maria, olga, otto = map(person, ("paula", "maria", "olga", "otto"))
        many, few = found_msp(paula, maria), found(olga, "Southwatch", kind="msp")
        join(few, invited_by=olga, user=otto, role="operator")
        seed(many, cell, MANY)
        seed(few, cell, FEW)
        yield {"many": (many, maria), "few": (few, otto)}
        transaction.set_rollback(True)


@pytest.fixture
def many(db, fleets):
    return fleets["many"]


def cost(msp: Organization, maria, query: str = "") -> list[str]:
    """Statements of one request for the page; the first one of a session notes that it is used."""
    browser = session_of(maria)
    browser.get(f"/o/{msp.pk}/")
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(f"/o/{msp.pk}/{query}").status_code == 200
    return [query["sql"] for query in asked.captured_queries]


def of_page(statements: list[str]) -> list[str]:
    """Those for the page's own data."""
    own = ("tenants_tenant", "tenants_step", "tenants_operation", "fleet_fleetview")
    return [each for each in statements if any(f'"{table}"' in each for table in own)]


QUERIES = [
    "",
    "?sort=state",
    "?sort=last_event",
    "?state=failed",
    "?operation=open",
    "?name=Client 00",
    "?agents=silent",
]


def test_a_page_costs_as_many_questions_for_thousands_of_tenants_as_for_few(db, fleets):
    for query in QUERIES:
        few, many = (cost(*fleets[which], query) for which in ("few", "many"))
        assert len(many) == len(few), query
        assert len([each for each in many if each.startswith('SELECT "')]) <= 25
        assert len(of_page(many)) <= 4
        assert not any("COUNT(" in each for each in of_page(many))


@pytest.mark.parametrize("sort", SORTS)
def test_pages_put_together_are_the_whole_in_its_order_there_and_back(many, sort):
    msp, maria = many
    actor, asked = actor_for(maria), Asked.read({"sort": sort, "name": "Client 0"})
    with rls.acting_as(actor.rls_actor):
        rows = queries.lines(actor, msp, asked)
        found, cursors = [], [None]
        for _ in range(4):
            page = ordered.page_of(rows, asked.order, cursor=cursors[-1], limit=200)
            found += [line["id"] for line in page.rows]
            cursors.append(page.next)
        whole = [line["id"] for line in rows.order_by(*[column.order_by for column in asked.order])[:800]]
        assert found == whole
        back = ordered.page_of(rows, asked.order, cursor=page.previous, limit=200)
        assert [line["id"] for line in back.rows] == whole[400:600]


def test_filters_find_exactly_what_fits(many):
    msp, maria = many
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        for state in ("failed", "stopped", "none"):
            found = list(queries.lines(actor, msp, Asked.read({"state": state})).values_list("name", flat=True))
            assert all(STATES[int(name[-5:]) % len(STATES)] == state for name in found)
            assert len(found) == MANY // len(STATES)
        assert set(Counter(queries.states(actor, msp))) <= {"failed", "attention"}


def test_the_summary_looks_at_a_bounded_number_of_lines(many):
    msp, maria = many
    page = session_of(maria).get(f"/o/{msp.pk}/")
    assert page.context["summary"].word.startswith("99+ failed")
    assert len(page.context["lines"]) == 50


def test_the_switcher_shows_a_few_of_thousands_and_finds_the_others_by_name(many):
    msp, maria = many
    browser = session_of(maria)
    frame = browser.get(f"/o/{msp.pk}/").context["frame"]
    assert (len(frame.choices), frame.has_more_choices, frame.choices[0].name) == (12, True, "Northwatch")
    part = browser.get(f"/organizations/?q=client {MANY - 7:05}", headers={"HX-Request": "true"}).content.decode()
    assert part.count("pop-item") == 1
    assert f"Client {MANY - 7:05}" in part
    page = browser.get("/organizations/")
    assert len(page.context["choices"]) == 50
    further = browser.get(f"/organizations/{page.context['page']['next']}")
    assert further.context["choices"][0].name > page.context["choices"][-1].name
    with all_rows():
        seen = Organization.objects.get(name=f"Client {MANY - 1:05}", slug__contains=msp.pk[-6:])
    inside = session_of(maria, working_in=seen).get(f"/o/{seen.pk}/").context["frame"].choices
    assert (f"Client {MANY - 1:05}", True) in [(choice.name, choice.current) for choice in inside]


@pytest.mark.sqlite
def test_the_first_page_comes_by_an_index(many):
    msp, maria = many
    (lines,) = [each for each in cost(msp, maria) if '"tenants_cell"."runtime"' in each]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + lines.replace("%", "%%"))
        plan = [row[3] for row in cursor.fetchall()]
    assert any("t USING INDEX tenants_of_organization" in step for step in plan), plan
    assert not any(step.startswith("SCAN") for step in plan), plan
