"""Agents as they are now: every tenant object is asked at once, who does not answer is named, and nothing is kept."""

import threading

import pytest

from controlplane import rls
from controlplane.problems import Malformed, NotFound
from tenants.agents.live import asking
from tenants.agents.live.asking import ask, tenants_to_ask
from tenants.enrollment.models import Agent
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeUnreachable
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.fleet.conftest import give_tenant
from tests.tenants.conftest import fresh
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db

__all__ = ["give_tenant"]


def told(number: str, name: str, **more: object) -> dict[str, object]:
    return agent(number, **{"name": name, "groups": ["linux"], "ip": "10.0.0.7", **more})


@pytest.fixture
def tenants(acme, msp, paula, alice, edge, give_tenant) -> list[Tenant]:
    """Acme's Office and Bolt's Plant, with agents."""
    bolt = found_client(msp, paula, alice, "Bolt")
    made = [give_tenant(acme, alice, "Office"), give_tenant(bolt, alice, "Plant")]
    with all_rows():
        Tenant.objects.update(agents_enrolled=2)
        Agent.objects.all().delete()
    edge.agents[made[0].pk] = [told("001", "web-1"), told("002", "db-1", ip="10.1.0.9", groups=["db"])]
    edge.agents[made[1].pk] = [told("001", "web-9", version="v4.13.0", status="disconnected")]
    return [fresh(tenant) for tenant in made]


def found(user, organization, **search: str) -> asking.Answers:
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        tenants = tenants_to_ask(actor, organization, search)
    return ask(tenants, search)


def names(answers: asking.Answers) -> list[tuple[str, str]]:
    return [(each.tenant.name, str(each.agent["name"])) for each in answers.found]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"name": "WEB"}, [("Office", "web-1"), ("Plant", "web-9")]),
        ({"number": "001"}, [("Office", "web-1"), ("Plant", "web-9")]),
        ({"ip": "10.1."}, [("Office", "db-1")]),
        ({"version": "4.13"}, [("Plant", "web-9")]),
        ({"group": "db"}, [("Office", "db-1")]),
        ({"status": "disconnected"}, [("Plant", "web-9")]),
        ({"name": "web", "client": "bolt"}, [("Plant", "web-9")]),
        ({"name": "web", "tenant": "office"}, [("Office", "web-1")]),
        ({"name": "mail"}, []),
    ],
)
def test_agents_are_found_by_what_their_tenants_tell_now(tenants, msp, maria, search, expected):
    answers = found(maria, msp, **search)
    assert names(answers) == expected
    assert (answers.missing, answers.cut) == ([], False)
    with all_rows():
        assert not Agent.objects.exists()


def test_who_is_late_or_away_is_named_beside_what_the_others_told(tenants, msp, maria, monkeypatch):
    let_go, asked_for = threading.Event(), EdgeApi.agents

    def agents(self, tenant_id, *, within):
        if tenant_id == tenants[1].pk:
            let_go.wait(20)
        return asked_for(self, tenant_id, within=within)

    monkeypatch.setattr(EdgeApi, "agents", agents)
    try:
        answers = ask(tenants, {"name": "web"}, deadline=1.0)
    finally:
        let_go.set()
    assert names(answers) == [("Office", "web-1")]
    assert answers.words == "1 of 2 tenants did not answer fully: Plant"
    assert answers.missing[0].why == "It did not answer within 1 seconds."


def test_a_manager_that_does_not_answer_leaves_its_tenant_partial(tenants, msp, maria, edge, monkeypatch):
    monkeypatch.setattr(
        EdgeApi,
        "agents",
        lambda self, tenant_id, within: {"agents": [told("001", "web-1")], "partial": True, "reason": "it starts"},
    )
    answers = ask(tenants[:1], {})
    assert names(answers) == [("Office", "web-1")]
    assert answers.missing[0].why == "Its manager does not answer: it starts."


def test_an_edge_that_is_away_is_said_of_each_of_its_tenants(tenants, monkeypatch):
    def away(self, tenant_id, within):
        raise EdgeUnreachable("The edge can't be reached.")

    monkeypatch.setattr(EdgeApi, "agents", away)
    answers = ask(tenants, {})
    assert answers.words == "2 of 2 tenants did not answer fully: Office, Plant"
    assert answers.found == []


def test_no_more_than_a_few_are_asked_at_the_same_time(tenants, monkeypatch):
    running, most, lock, both = [], [0], threading.Lock(), threading.Barrier(2, timeout=20)

    def agents(self, tenant_id, within):
        with lock:
            running.append(tenant_id)
            most[0] = max(most[0], len(running))
        both.wait()
        with lock:
            running.remove(tenant_id)
        return {"agents": [], "partial": False, "reason": None}

    monkeypatch.setattr(asking, "AT_ONCE", 2)
    monkeypatch.setattr(EdgeApi, "agents", agents)
    assert ask(tenants * 10, {}, deadline=20.0).missing == []
    assert most[0] == 2


def test_more_tenants_than_can_be_asked_are_refused_with_what_to_do(tenants, msp, maria, monkeypatch):
    monkeypatch.setattr(asking, "MOST_TENANTS", 1)
    with pytest.raises(Malformed) as caught:
        found(maria, msp, name="web")
    assert caught.value.field == "client"
    assert names(found(maria, msp, name="web", client="bolt")) == [("Plant", "web-9")]


def test_only_ones_own_and_ones_clients_tenants_are_asked(tenants, msp, acme, vera, rival, mallory):
    assert names(found(vera, acme, name="web")) == [("Office", "web-1")]
    assert found(mallory, rival, name="web").asked == 0
    with pytest.raises(NotFound):
        found(mallory, acme, name="web")


def test_the_page_and_the_api_tell_the_same(tenants, msp, maria, edge):
    browser = session_of(maria)
    page = browser.get(f"/o/{msp.pk}/agents/live/?name=web")
    assert page.status_code == 200
    assert [agent["name"] for agent in page.context["agents"]] == ["web-1", "web-9"]
    answer = browser.get(f"/api/v1/organizations/{msp.pk}/agents/live?name=web").json()
    assert [(agent["tenant_name"], agent["name"]) for agent in answer["agents"]] == [
        ("Office", "web-1"),
        ("Plant", "web-9"),
    ]
    assert (answer["asked"], answer["missing"], answer["cut"]) == (2, [], False)
    assert browser.get(f"/o/{msp.pk}/agents/live/").context["answers"] is None
    wrong = browser.get(f"/api/v1/organizations/{msp.pk}/agents/live?status=asleep")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "status")
