"""Agents of all tenants at once: who sees which, what narrows them, and how old what is shown is."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import rls
from organizations.actions import custom_roles
from organizations.models import Membership
from tenants.enrollment.models import Agent, AgentReading, ConnectionChange
from tenants.enrollment.tasks import read_agents
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import read_feed
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet(running, new_tenant, make_token):
    """A connected agent with a token and a silent one in one tenant, one that never came in another."""
    token, _ = make_token("Warehouse")
    other, _ = new_tenant("Plant")
    with all_rows():
        known = {"organization_id": running.organization_id}
        web = Agent.objects.create(
            tenant=running, number="001", name="web-1", status="active", version="4.14.7", token=token,
            groups=["linux", "web"], **known,
        )  # fmt: skip
        silent = Agent.objects.create(
            tenant=running, number="002", name="db-1", status="disconnected", version="4.13.0", groups=["linux-old"],
            last_seen_at=timezone.now() - dt.timedelta(days=3), **known,
        )  # fmt: skip
        never = Agent.objects.create(tenant=other, number="001", name="plc-1", **known)
    return {"web": web, "silent": silent, "never": never, "token": token, "tenant": running, "other": other}


def names(answer) -> set[str]:
    return {each["name"] for each in answer.json()["results"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"web-1", "db-1", "plc-1"}),
        ("?name=EB-", {"web-1"}),
        ("?state=silent", {"db-1"}),
        ("?state=never", {"plc-1"}),
        ("?version=4.14", {"web-1"}),
        ("?group=linux", {"web-1"}),
        ("?token=wareh", {"web-1"}),
        ("?tenant=Plant", {"plc-1"}),
        ("?organization=Acme&state=active", {"web-1"}),
        ("?organization=Nobody", set()),
    ],
)
def test_an_inventory_is_narrowed_by_what_is_known_of_agents(api, fleet, query, found):
    assert names(api.get(f"agents{query}")) == found


def test_agents_that_were_not_heard_since_a_moment_are_found(api, fleet):
    day = dt.timedelta(days=1)
    assert names(api.get(f"agents?silent_since={timezone.now() - day:%Y-%m-%d}")) == {"db-1"}
    assert names(api.get(f"agents?silent_since={timezone.now() - 9 * day:%Y-%m-%d}")) == set()
    answer = api.get("agents?silent_since=yesterday")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "silent_since")


def test_one_tenants_agents_are_narrowed_alike(api, fleet):
    assert names(api.get(f"tenants/{fleet['tenant'].pk}/agents?group=linux")) == {"web-1"}
    token = fleet["token"].pk
    assert names(api.get(f"tenants/{fleet['tenant'].pk}/agents?token={token}")) == {"web-1"}


def test_an_inventory_costs_as_many_questions_with_many_agents_as_with_few(api, fleet, acme):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get("agents").status_code == 200
        return len(captured)

    asked()
    few = asked()
    with all_rows():
        for number in range(10, 30):
            Agent.objects.create(tenant=fleet["other"], organization=acme, number=f"{number:03}", name=f"more-{number}")
    assert asked() == few


def test_an_inventory_is_read_page_by_page(api, fleet):
    first = api.get("agents?limit=2").json()
    rest = api.get(f"agents?limit=2&cursor={first['next']}").json()
    assert len(first["results"]) == 2
    assert {each["name"] for each in first["results"] + rest["results"]} == {"web-1", "db-1", "plc-1"}


def test_nobody_outside_finds_an_agent(outsider, fleet):
    assert names(outsider.get("agents")) == set()


def test_a_key_for_one_tenant_finds_that_ones_agents_alone(program_of, alice, acme, fleet):
    key = program_of(alice, acme, {"tenant.view", "agent.view"}, tenant_ids=[fleet["other"].pk])
    assert names(key.get("agents")) == {"plc-1"}


def test_a_key_that_may_not_see_agents_finds_none(program_of, alice, acme, fleet):
    assert names(program_of(alice, acme, {"tenant.view"}).get("agents")) == set()


def test_a_file_holds_what_the_search_finds_and_nothing_that_a_spreadsheet_runs(api, fleet):
    with all_rows():
        Agent.objects.filter(pk=fleet["web"].pk).update(name="=cmd")
    lines = api.get("agents/export?state=active").content.decode().splitlines()
    assert lines[0].startswith("organization,tenant,")
    assert ",'=cmd,active," in lines[1]
    assert lines[2:] == ['"End: 1 agents, complete"']


def test_an_msps_page_shows_its_clients_agents_and_names_whose_reading_is_missing(fleet, msp, maria, acme):
    with all_rows():
        view = {"agents": {"enrolled": 2, "active": 1}}
        Tenant.objects.filter(pk=fleet["tenant"].pk).update(edge_view=view, agents_enrolled=2)
    browser = session_of(maria, working_in=acme)
    page = browser.get(f"/o/{msp.pk}/agents/").content.decode()
    assert all(name in page for name in ("web-1", "db-1", "plc-1"))
    assert f"Partial: of {fleet['tenant'].name} the manager" in page
    with all_rows():
        AgentReading.objects.create(
            tenant=fleet["tenant"], organization=acme, asked_at=timezone.now(), read_at=timezone.now()
        )
    assert "Partial:" not in browser.get(f"/o/{msp.pk}/agents/").content.decode()


def test_a_role_that_sees_agents_needs_not_see_the_msps_people(fleet, msp, paula, maria, acme):
    paula_acts = actor_for(paula)
    with rls.acting_as(paula_acts.rls_actor):
        own = custom_roles.create(
            by=paula_acts, organization=msp, name="Agents", permissions=["agent.view", "tenant.view"]
        )
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role=own.pk)
    page = session_of(maria, working_in=acme).get(f"/o/{msp.pk}/agents/").content.decode()
    assert "web-1" in page


def test_a_partial_answer_leaves_who_is_connected_as_it_was_and_says_so(running, edge, api):
    edge.agents[running.pk] = [agent("001"), agent("002")]
    read_agents("lo", running.pk)
    edge.partial[running.pk] = "The manager sleeps."
    edge.agents[running.pk] = [agent("001", status="pending"), agent("003", status="pending")]
    read_agents("lo", running.pk)
    known = {each["id"]: each for each in api.get(f"tenants/{running.pk}/agents").json()["results"]}
    assert {number: (each["state"], each["partial_reading"]) for number, each in known.items()} == {
        "001": ("active", True),
        "003": ("never", True),
    }
    assert known["001"]["as_of"] is not None
    with rls.acting_as(f"org:{running.organization_id}"):
        assert AgentReading.objects.get().reason == "The manager sleeps."


def test_an_agents_page_tells_how_it_joined_and_when_it_came_and_went(running, edge, make_token, alice):
    token, _ = make_token("Warehouse")
    edge.agents[running.pk] = [agent("001", token=token.pk, status="active")]
    for status in ("active", "active", "disconnected"):
        edge.agents[running.pk][0]["status"] = status
        read_agents("lo", running.pk)
    with all_rows():
        assert list(ConnectionChange.objects.values_list("status", flat=True)) == ["disconnected", "active"]
    page = session_of(alice).get(f"/t/{running.pk}/agents/001/").content.decode()
    assert "Warehouse" in page
    assert page.count("Silent") == 2
    assert session_of(alice).get(f"/t/{running.pk}/agents/999/").status_code == 404


def test_only_the_newest_changes_of_an_agent_are_kept(running, edge, monkeypatch):
    monkeypatch.setattr(ConnectionChange, "KEPT", 3)
    edge.agents[running.pk] = [agent("001")]
    for status in ("active", "disconnected") * 4:
        edge.agents[running.pk][0]["status"] = status
        read_agents("lo", running.pk)
    with all_rows():
        assert list(ConnectionChange.objects.values_list("status", flat=True)) == [
            *("disconnected", "active", "disconnected"),
        ]


def test_an_agent_that_the_edge_tells_to_be_silent_is_known_to_be_without_reading_all(running, edge, api):
    edge.agents[running.pk] = [agent("001"), agent("002")]
    read_agents("lo", running.pk)
    edge.calls.clear()

    def tell(state: str) -> dict:
        told = {"id": "001", "name": "host-001", "state": state, "last_seen_at": "2026-11-26T09:00:00.000Z"}
        edge.publish(running.pk, "agent_silence", {"agents": [told, {**told, "id": "777"}]})
        read_feed()
        return api.get(f"tenants/{running.pk}/agents/001").json()

    silent = tell("silent")
    assert (silent["state"], silent["silent_at"] is None) == ("silent", False)
    assert silent["last_seen_at"].startswith("2026-11-26T09:00:00")
    assert edge.count("/agents") == 0
    back = tell("back")
    assert (back["state"], back["silent_at"]) == ("active", None)
    with all_rows():
        assert list(ConnectionChange.objects.values_list("status", flat=True)) == [
            *("active", "disconnected", "active", "active"),
        ]
