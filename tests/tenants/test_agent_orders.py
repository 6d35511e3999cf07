"""Orders about agents: given to the edge once, followed to each agent's end, by page and by API."""

import pytest

from controlplane import rls
from controlplane.models import AuditEntry, Delivery
from controlplane.problems import Forbidden
from tenants.agents import actions
from tenants.agents.commands import refresh
from tenants.agents.models import AgentOrder, AgentResult
from tenants.enrollment.tasks import read_agents
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed
from tests.tenants.edge import refusal
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def agents(running, edge):
    """Three agents of the running tenant, known here and at the edge."""
    edge.agents[running.pk] = [agent(number) for number in ("001", "002", "003")]
    read_agents("lo", running.pk)
    return ["001", "002", "003"]


def order(api, tenant, **body):
    return api.post(f"tenants/{tenant.pk}/agent-orders", body)


def results(api, tenant, order_id) -> dict[str, tuple[str, str]]:
    found = api.get(f"tenants/{tenant.pk}/agent-orders/{order_id}").json()["results"]
    return {each["agent"]: (each["state"], each["note"]) for each in found}


def test_agents_are_upgraded_and_each_ones_end_is_told(api, running, edge, agents):
    given = order(api, running, kind="upgrade", agents=["001", "002"], version="v4.14.7")
    assert (given.status_code, given.json()["pending"]) == (202, True)
    placed = given.json()["id"]
    deliver()
    assert edge.orders[running.pk, placed]["body"] == {
        **{"epoch": 1, "kind": "upgrade", "agents": ["001", "002"]},
        "version": "v4.14.7",
    }
    assert not api.get(f"tenants/{running.pk}/agent-orders/{placed}").json()["pending"]
    edge.settle_order(running.pk, placed, "001", "working")
    edge.settle_order(running.pk, placed, "002", "failed", "The repository is not reachable")
    read_feed()
    assert results(api, running, placed) == {
        "001": ("working", ""),
        "002": ("failed", "The repository is not reachable"),
    }
    edge.settle_order(running.pk, placed, "001", "done")
    read_feed()
    assert results(api, running, placed)["001"] == ("done", "")


def test_agents_get_exactly_the_groups_that_were_ordered(api, running, edge, agents):
    placed = order(api, running, kind="groups", agents=["001"], groups=["linux", "web"]).json()["id"]
    deliver()
    edge.settle_order(running.pk, placed, "001", "done")
    read_feed()
    shown = api.get(f"tenants/{running.pk}/agents/001").json()
    assert shown["groups"] == ["linux", "web"]
    with all_rows():
        entry = AuditEntry.objects.get(action="tenants.agents.groups")
    assert (entry.target, entry.data["groups"]) == (placed, ["linux", "web"])
    assert "001 host-001" in entry.data["agents"]


def test_agents_that_are_removed_are_gone_here_and_their_result_keeps_their_names(api, running, edge, agents):
    placed = order(api, running, kind="remove", agents=["001", "003"]).json()["id"]
    deliver()
    assert [each["id"] for each in edge.agents[running.pk]] == ["002"]
    assert api.get(f"tenants/{running.pk}/agents/001").status_code == 404
    found = api.get(f"tenants/{running.pk}/agent-orders/{placed}").json()["results"]
    assert [(each["agent"], each["name"], each["state"]) for each in found] == [
        ("001", "host-001", "done"),
        ("003", "host-003", "done"),
    ]


def test_an_order_whose_answer_was_lost_is_given_again_and_done_once(api, running, edge, agents):
    edge.lose_answer_of_next("agent-orders")
    placed = order(api, running, kind="remove", agents=["001"]).json()["id"]
    deliver()
    assert edge.count("PUT /v1/tenants") >= 2
    assert results(api, running, placed) == {"001": ("done", "")}


def test_an_order_that_the_edge_never_takes_fails_for_every_agent_and_says_why(api, running, edge, agents):
    edge.fail_next("agent-orders", refusal(410, "TENANT_DELETED"))
    placed = order(api, running, kind="upgrade", agents=["001"]).json()["id"]
    deliver()
    shown = api.get(f"tenants/{running.pk}/agent-orders/{placed}").json()
    assert (shown["pending"], shown["edge_error"]["code"]) == (False, "TENANT_DELETED")
    assert results(api, running, placed) == {"001": ("failed", "TENANT_DELETED was met.")}
    with all_rows():
        assert not Delivery.objects.filter(delivered_at=None).exists()


def test_what_the_feed_missed_is_asked_for_and_an_end_is_not_undone(api, running, edge, agents):
    placed = order(api, running, kind="upgrade", agents=["001", "002"]).json()["id"]
    deliver()
    told = edge.orders[running.pk, placed]["results"]
    told[0]["state"] = "done"
    with rls.acting_as(f"org:{running.organization_id}"):
        tenant = Tenant.objects.select_related("cell").get(pk=running.pk)
    list(refresh(tenant, EdgeApi(tenant.cell)))
    assert results(api, running, placed) == {"001": ("done", ""), "002": ("waiting", "")}
    told[0]["state"], told[1]["state"] = "working", "done"
    list(refresh(tenant, EdgeApi(tenant.cell)))
    assert results(api, running, placed) == {"001": ("done", ""), "002": ("done", "")}
    edge.calls.clear()
    list(refresh(tenant, EdgeApi(tenant.cell)))
    assert edge.calls == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "upgrade", "agents": []}, "agents"),
        ({"kind": "upgrade", "agents": ["999"]}, "agents"),
        ({"kind": "upgrade", "agents": [f"{n:03}" for n in range(1, 102)]}, "agents"),
        ({"kind": "upgrade", "agents": ["001"], "version": "newest"}, "version"),
        ({"kind": "groups", "agents": ["001"], "groups": ["all"]}, "groups"),
        ({"kind": "dance", "agents": ["001"]}, "kind"),
    ],
)
def test_what_can_not_be_ordered_is_refused_by_its_field(api, running, agents, body, field):
    answer = order(api, running, **body)
    assert (answer.status_code, answer.json()["errors"][0]["field"].partition(".")[0]) == (422, field)
    with all_rows():
        assert not AgentOrder.objects.exists()


def test_a_viewer_orders_nothing(running, agents, vera):
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        actions.upgrade(by=actor, tenant=running, agents=["001"])


def test_the_chosen_agents_get_an_order_and_its_page_follows_it(running, edge, agents, alice):
    browser = session_of(alice)
    chooser = browser.get(f"/t/{running.pk}/agents/?select=1").content.decode()
    assert chooser.count('form="chosen"') == 3
    sent = {"kind": "groups", "groups": "linux, web", "agents": ["001", "002"]}
    answer = browser.post(f"/t/{running.pk}/agent-orders/", sent, follow=True)
    page = answer.content.decode()
    assert "Set groups: 2 agents" in page
    assert "Pending at the edge" in page
    deliver()
    with all_rows():
        placed = AgentOrder.objects.get()
    edge.settle_order(running.pk, placed.pk, "001", "failed", "no room")
    read_feed()
    page = browser.get(f"/t/{running.pk}/agent-orders/{placed.pk}/").content.decode()
    assert "no room" in page
    assert "once the tenant’s manager runs" in page
    assert "Set groups: 2 agents" in browser.get(f"/t/{running.pk}/agent-orders/").content.decode()
    assert "no room" in browser.get(f"/t/{running.pk}/agents/001/").content.decode()


def test_choosing_nobody_changes_nothing_and_says_so(running, agents, alice):
    answer = session_of(alice).post(f"/t/{running.pk}/agent-orders/", {"kind": "upgrade"}, follow=True)
    assert "Choose 1 to 100 agents. Nothing was changed." in answer.content.decode()
    with all_rows():
        assert not AgentResult.objects.exists()
