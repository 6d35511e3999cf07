"""Filters of the clients' page, and what stands there while there is nothing to show."""

import pytest

from fleet.rows import NO_TENANT, chips, client_rows, mark_of
from tests.cast import session_of
from tests.tenants.conftest import make_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet_of_three(acme, bolt, alice, edge, give_tenant):
    """Acme's Office runs, its Plant has failed, Bolt has no tenant."""
    give_tenant(acme, alice, "Office")
    plant = give_tenant(acme, alice, "Plant")
    make_due(plant, halted_at=plant.created_at)


def lines(answer) -> list[str]:
    return [row.row.tenant.name if row.row else row.client.name for row in answer.context["shown"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Office", "Plant", "Bolt"]),
        ("?state=", ["Office", "Plant", "Bolt"]),
        ("?state=running", ["Office"]),
        ("?state=failed", ["Plant"]),
        ("?state=none", ["Bolt"]),
        ("?state=stopped", []),
        ("?state=%00", None),
        ("?state=<script>", []),
    ],
)
def test_a_state_narrows_the_list(fleet_of_three, msp, maria, page_of, query, found):
    answer = page_of(maria, msp, query)
    if found is None:
        assert answer.status_code == 400
        return
    assert lines(answer) == found
    assert ("No client is in this state now." in answer.content.decode()) == (not found)
    assert "<script>" not in answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


def test_each_state_that_occurs_has_a_chip_with_its_count_the_gravest_first(fleet_of_three, msp, maria, page_of):
    answer = page_of(maria, msp, "?state=failed")
    found = [(chip["label"], chip["count"], chip["current"]) for chip in answer.context["chips"]]
    assert found == [("All", 3, False), ("Failed", 1, True), ("Running", 1, False), ("No tenant", 1, False)]
    assert answer.context["summary"].word == "1 failed"


def test_chips_of_nothing_are_the_one_for_all():
    assert [chip["label"] for chip in chips([], "")] == ["All"]


def test_a_client_without_a_tenant_is_marked_in_words(acme):
    (line,) = client_rows([acme], [], set())
    assert (line.status, line.key, mark_of(line.status).word) == (NO_TENANT, acme.pk, "No tenant")


def test_an_organization_without_tenants_is_told_what_to_do(acme, alice, vera, page_of):
    page = page_of(alice, acme).content.decode()
    assert "Your first Wazuh is a few minutes away" in page
    assert f"/o/{acme.pk}/tenants/new/" in page
    assert "needs the role of admin or owner" in page_of(vera, acme).content.decode()


def test_an_msp_without_clients_is_told_what_to_do(msp, paula, maria, page_of):
    page = page_of(paula, msp).content.decode()
    assert "Bring in your first client" in page
    assert f"/o/{msp.pk}/clients/new/" in page
    page = page_of(maria, msp).content.decode()
    assert "Adding clients needs the role of admin or owner." in page
    assert f"/o/{msp.pk}/clients/new/" not in page


def test_a_client_is_founded_and_entered(msp, paula, acme):
    browser = session_of(paula)
    answer = browser.post(f"/o/{msp.pk}/clients/new/", {"name": "Bolt"}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/o/org_")
    assert "Bolt is your client now." in answer.content.decode()
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
