"""Filters of the fleet, and what stands there while there is nothing to show."""

import pytest
from django.utils import timezone

from fleet.clients.rows import summed_up
from tests.cast import session_of
from tests.tenants.conftest import make_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet_of_three(acme, bolt, alice, edge, give_tenant):
    """Acme's Office runs, its Plant, a canary, has failed, Bolt has no tenant."""
    give_tenant(acme, alice, "Office")
    plant = give_tenant(acme, alice, "Plant")
    make_due(plant, halted_at=plant.created_at, ring="canary")


def lines(answer) -> list[str]:
    return [line.row.tenant.name if line.row else line.client_name for line in answer.context["lines"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Office", "Plant", "Bolt"]),
        ("?state=", ["Office", "Plant", "Bolt"]),
        ("?state=running", ["Office"]),
        ("?state=failed", ["Plant"]),
        ("?state=none", ["Bolt"]),
        ("?state=failed,none", ["Plant", "Bolt"]),
        ("?state=stopped", []),
        ("?name=plan", ["Plant"]),
        ("?name=bol", ["Bolt"]),
        ("?client=acme", ["Office", "Plant"]),
        ("?version=4.14", ["Office", "Plant"]),
        ("?version=9", []),
        ("?plan=trial", ["Office", "Plant", "Bolt"]),
        ("?plan=enterprise", []),
        ("?ring=canary", ["Plant"]),
        ("?ring=canary&state=running", []),
        ("?certificate=soon", []),
        ("?agents=none", ["Office", "Plant"]),
        ("?agents=silent", []),
        ("?age=week", ["Office", "Plant"]),
        ("?age=older", []),
        ("?operation=open", []),
        ("?sort=state", ["Plant", "Office", "Bolt"]),
        ("?sort=certificate", ["Office", "Plant", "Bolt"]),
        ("?sort=last_event&state=running", ["Office"]),
        ("?sort=quiet&state=none", ["Bolt"]),
    ],
)
def test_filters_narrow_the_list_and_a_sort_orders_it(fleet_of_three, msp, maria, page_of, query, found):
    answer = page_of(maria, msp, query)
    assert lines(answer) == found
    assert ("No client fits." in answer.content.decode()) == (not found)


@pytest.mark.parametrize(
    "query",
    ["?state=%00", "?state=<script>", "?sort=size", "?agents=some", "?name=" + "a" * 129, "?cursor=x", "?age=1"],
)
def test_what_is_no_filter_is_refused_in_words(fleet_of_three, msp, maria, page_of, query):
    answer = page_of(maria, msp, query)
    assert answer.status_code == 400
    assert "<script>" not in answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


def test_what_narrows_the_list_stands_above_it_and_can_be_taken_away(fleet_of_three, msp, maria, page_of):
    answer = page_of(maria, msp, "?state=failed,none&ring=canary&sort=state")
    found = [(chip["label"], chip["value"], chip["url"]) for chip in answer.context["chips"]]
    assert found == [
        ("State", "Failed or No tenant", "?ring=canary&sort=state"),
        ("Ring", "Canary", "?state=failed%2Cnone&sort=state"),
    ]
    assert answer.context["summary"].word == "1 failed"


@pytest.mark.parametrize("page", ["fleet/filter/", "clients/new/", "clients/imports/"])
def test_a_page_under_the_fleet_leads_back_to_it(msp, paula, acme, page):
    frame = session_of(paula).get(f"/o/{msp.pk}/{page}").context["frame"]
    assert [crumb.label for crumb in frame.crumbs] == [msp.name, "Fleet"]
    assert frame.crumbs[-1].url == f"/o/{msp.pk}/"


def test_the_form_of_filters_is_a_part_of_the_page_and_a_page_without_script(fleet_of_three, msp, maria):
    browser = session_of(maria)
    page = browser.get(f"/o/{msp.pk}/fleet/filter/?state=failed").content.decode()
    part = browser.get(f"/o/{msp.pk}/fleet/filter/", headers={"HX-Request": "true"}).content.decode()
    assert '<option value="failed" selected>' in page
    assert "<form" in part
    assert "<html" not in part
    assert "Trial" in part


def test_a_summary_counts_the_gravest_and_says_where_it_stopped():
    assert summed_up([]).word == "Nothing runs yet"
    assert summed_up(["running", "none"]).word == "All running"
    assert summed_up(["failed", *["attention"] * 12, "running"]).word == "1 failed, 12 need attention"
    assert summed_up(["failed"] * 150 + ["attention"] * 50).word == "99+ failed, 50+ need attention"


def test_an_organization_without_tenants_is_told_what_to_do(acme, alice, vera, page_of):
    page = page_of(alice, acme).content.decode()
    assert "Your first Wazuh is a few minutes away" in page
    assert f"/o/{acme.pk}/tenants/new/" in page
    assert "needs the role of admin or owner" in page_of(vera, acme).content.decode()


def test_the_recycle_bin_is_offered_once_there_was_a_tenant(acme, alice, page_of, give_tenant, edge):
    link = f'<a class="btn btn-line" href="/o/{acme.pk}/bin/">'
    assert link not in page_of(alice, acme).content.decode()
    tenant = give_tenant(acme, alice, "Office")
    assert link in page_of(alice, acme).content.decode()
    make_due(tenant, erases_at=timezone.now())
    page = page_of(alice, acme).content.decode()
    assert "Your first Wazuh is a few minutes away" in page
    assert link in page


def test_an_msp_without_clients_is_told_what_to_do(msp, paula, maria, page_of):
    page = page_of(paula, msp).content.decode()
    assert "Bring in your first client" in page
    assert f"/o/{msp.pk}/clients/new/" in page
    page = page_of(maria, msp).content.decode()
    assert "Adding clients needs the role of admin or owner." in page
    assert f"/o/{msp.pk}/clients/new/" not in page


def test_a_client_is_founded_and_entered(msp, paula, acme):
    browser = session_of(paula)
    answer = browser.post(f"/o/{msp.pk}/clients/new/", {"name": "Bolt"})
    assert "Bolt is your client" in answer.content.decode()
    assert f"/o/{answer.context['made'].client.pk}/" in answer.content.decode()
    assert lines(browser.get(f"/o/{msp.pk}/")) == ["Acme", "Bolt"]


@pytest.mark.parametrize("name", ["", "a" * 121])
def test_a_client_without_a_name_that_can_be_used_is_refused_at_the_field(msp, paula, name):
    answer = session_of(paula).post(f"/o/{msp.pk}/clients/new/", {"name": name})
    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors


def test_who_may_not_add_clients_is_refused(msp, maria, mallory):
    path = f"/o/{msp.pk}/clients/new/"
    assert [session_of(maria).post(path, {"name": "x"}).status_code, session_of(mallory).get(path).status_code] == [
        403,
        404,
    ]
