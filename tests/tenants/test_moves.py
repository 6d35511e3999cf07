"""Agents on their way to another tenant: one token for exactly those, and a grace period for what they were."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, NotFound
from tenants.agents.models import AgentMove, AgentOrder, MovingAgent
from tenants.agents.moves import actions, queries
from tenants.agents.moves.following import LATE, Arrival, due, follow, next_state
from tenants.enrollment.models import Agent, EnrollmentToken
from tenants.enrollment.tasks import read_agents
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, enroll, fresh
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
NOW = timezone.now()


@pytest.fixture
def target(new_tenant):
    return new_tenant("Plant")[0]


@pytest.fixture
def agents(running, edge, target):
    """Two agents of the running tenant, known here and at the edge; the target is known there too."""
    deliver()
    edge.agents[running.pk] = [agent("001"), agent("002")]
    read_agents("lo", running.pk)


def begin(api, running, target, **more):
    target = more.pop("to", target.pk)
    return api.post(f"tenants/{running.pk}/moves", {"agents": ["001", "002"], **more, "target": target})


def shown(api, running, move_id) -> dict:
    return api.get(f"tenants/{running.pk}/moves/{move_id}").json()


def states(api, running, move_id) -> dict[str, str]:
    return {each["agent"]: each["state"] for each in shown(api, running, move_id)["agents"]}


def arrive(edge, move: dict, name: str, number: str) -> None:
    with all_rows():
        token = EnrollmentToken.objects.get(pk=move["token"])
    enroll(edge, token, number, name)
    with all_rows():  # the edge in memory lives at another time
        Agent.objects.filter(tenant=token.tenant, number=number).update(enrolled_at=timezone.now())


def pass_hours(hours: int) -> None:
    """Let an arrival lie so far back, as if time had passed."""
    with all_rows():
        for item in MovingAgent.objects.filter(arrived_at__isnull=False):
            MovingAgent.objects.filter(pk=item.pk).update(arrived_at=item.arrived_at - hours * HOUR)


def test_agents_move_with_one_token_and_lose_their_old_identity_after_the_grace_period(
    api, running, target, edge, agents, acme
):
    begun = begin(api, running, target, grace_hours=2)
    move = begun.json()
    assert begun.status_code == 201
    assert move["secret"].startswith("enr_")
    deliver()
    body = edge.tokens[target.pk, move["token"]]
    assert (sorted(body["names"]), body["max_uses"]) == (["host-001", "host-002"], 2)
    arrive(edge, move, "host-001", "007")
    assert due() == [acme.pk]
    follow(acme.pk)
    (first, second) = shown(api, running, move["id"])["agents"]
    assert (first["state"], first["target_agent"], second["state"]) == ("arrived", "007", "waiting")
    assert [each["id"] for each in edge.agents[running.pk]] == ["001", "002"]
    pass_hours(3)
    follow(acme.pk)
    deliver()
    assert [each["id"] for each in edge.agents[running.pk]] == ["002"]
    moved = shown(api, running, move["id"])["agents"][0]
    assert moved["state"] == "moved"
    order = api.get(f"tenants/{running.pk}/agent-orders/{moved['removal']}").json()
    assert [each["state"] for each in order["results"]] == ["done"]
    assert "secret" not in shown(api, running, move["id"])
    with all_rows():
        entry = AuditEntry.objects.get(action="tenants.agents.move")
        removal = AuditEntry.objects.get(action="tenants.agents.remove")
    assert (entry.data["agents"], removal.actor["kind"]) == ("host-001, host-002", "system")


def test_who_has_not_come_when_the_token_ends_stays(api, running, target, edge, agents, acme):
    move = begin(api, running, target).json()
    with all_rows():
        AgentMove.objects.update(expires_at=timezone.now() - 2 * LATE)
    follow(acme.pk)
    assert set(states(api, running, move["id"]).values()) == {"stayed"}
    assert shown(api, running, move["id"])["closed_at"] is not None
    assert due() == []
    with all_rows():
        assert not AgentOrder.objects.exists()
        assert Agent.objects.filter(tenant=running).count() == 2


def test_a_cancelled_move_ends_its_token_and_lets_who_has_arrived_go_on(api, running, target, edge, agents, acme):
    move = begin(api, running, target, grace_hours=1).json()
    deliver()
    arrive(edge, move, "host-001", "007")
    follow(acme.pk)
    assert api.send("DELETE", f"tenants/{running.pk}/moves/{move['id']}").status_code == 200
    deliver()
    assert edge.tokens[target.pk, move["token"]]["revoked"]
    with all_rows():
        AgentMove.objects.update(cancelled_at=timezone.now() - 2 * LATE)
    pass_hours(2)
    follow(acme.pk)
    assert states(api, running, move["id"]) == {"001": "moved", "002": "stayed"}


def test_an_old_identity_that_has_gone_by_itself_is_not_removed_again(api, running, target, edge, agents, acme):
    move = begin(api, running, target, grace_hours=0).json()
    deliver()
    arrive(edge, move, "host-001", "007")
    with all_rows():
        Agent.objects.filter(tenant=running, number="001").delete()
    follow(acme.pk)
    item = shown(api, running, move["id"])["agents"][0]
    assert (item["state"], item["removal"]) == ("moved", None)


def test_all_agents_of_a_token_move_together(api, running, target, edge, make_token):
    token, _ = make_token("Warehouse")
    deliver()
    edge.agents[running.pk] = [agent("001", token=token.pk), agent("002")]
    read_agents("lo", running.pk)
    moved = begin(api, running, target, agents=[], token=token.pk).json()
    assert [each["agent"] for each in moved["agents"]] == ["001"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"agents": []}, "agents"),
        ({"agents": ["999"]}, "agents"),
        ({"to": "a" * 26}, "target"),
        ({"grace_hours": 169}, "grace_hours"),
        ({"expires_in_days": 31}, "expires_in_days"),
    ],
)
def test_what_can_not_be_moved_is_refused_by_its_field(api, running, target, agents, more, field):
    answer = begin(api, running, target, **more)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    with all_rows():
        assert not AgentMove.objects.exists()


def test_agents_move_to_no_tenant_that_has_their_name_or_no_room_nor_twice_nor_quarantined(
    api, running, target, agents, acme
):
    assert "already" in begin(api, running, running).json()["detail"]
    with all_rows():
        taken = Agent.objects.create(tenant=target, organization=acme, number="001", name="host-002")
    assert "an agent named host-002" in begin(api, running, target).json()["detail"]
    with all_rows():
        taken.delete()
        Agent.objects.filter(tenant=running, number="002").update(quarantine_asked_at=timezone.now())
    assert "host-002 is quarantined" in begin(api, running, target).json()["detail"]
    assert begin(api, running, target, agents=["001"]).status_code == 201
    again = begin(api, running, target, agents=["001"])
    assert (again.status_code, again.json()["code"]) == (409, "MOVE_IN_PROGRESS")
    with all_rows():
        Agent.objects.all().update(quarantine_asked_at=None)
        target.spec["max_agents"] = 1
        target.save(update_fields=["spec"])
        AgentMove.objects.all().delete()
    assert "has room for 1 agents more" in begin(api, running, target).json()["detail"]


def test_only_who_may_in_both_tenants_moves_agents(running, target, agents, vera, mallory, rival):
    for person, refusal in ((vera, Forbidden), (mallory, NotFound)):
        actor = actor_for(person)
        with rls.acting_as(actor.rls_actor), pytest.raises(refusal):
            actions.move(by=actor, tenant=running, target=target, agents=["001"])


def test_the_page_shows_the_token_once_with_what_to_run_and_follows_each_agent(running, target, edge, agents, alice):
    browser = session_of(alice)
    form = browser.get(f"/t/{running.pk}/moves/new/?agents=001&agents=002").content.decode()
    assert "001, 002" in form
    assert f"{target.name}, Acme" in form
    sent = {"target": target.pk, "agents": ["001", "002"], "grace_hours": "24", "expires_in_days": "7"}
    shown_once = browser.post(f"/t/{running.pk}/moves/new/", sent).content.decode()
    assert "enr_" in shown_once
    assert "sudo MOVE=yes sh install.sh" in shown_once
    with all_rows():
        move = AgentMove.objects.get()
    page = browser.get(f"/t/{running.pk}/moves/{move.pk}/").content.decode()
    assert "enr_" not in page
    assert page.count("Waiting") == 2
    assert "2 agents to Plant" in browser.get(f"/t/{running.pk}/moves/").content.decode()
    assert browser.post(f"/t/{running.pk}/moves/{move.pk}/cancel/").status_code == 302
    with all_rows():
        assert AgentMove.objects.get().cancelled_at is not None


def test_a_target_is_any_other_tenant_where_somebody_may(running, target, alice, vera):
    for person, found in ((alice, [target]), (vera, [])):
        actor = actor_for(person)
        with rls.acting_as(actor.rls_actor):
            assert list(queries.targets_for(actor, fresh(running))) == found


@pytest.mark.parametrize(
    ("state", "arrived", "expires", "cancelled", "expected"),
    [
        ("waiting", None, 1, None, "waiting"),
        ("waiting", None, -1, None, "stayed"),
        ("waiting", None, 1, -1, "stayed"),
        ("waiting", 0, 1, None, "arrived"),
        ("waiting", -9, -1, None, "moved"),
        ("arrived", 0, -1, -1, "arrived"),
        ("stayed", 0, 1, None, "stayed"),
        ("moved", None, 1, None, "moved"),
    ],
)
def test_what_becomes_of_an_agent_follows_from_its_arrival_and_the_clock(state, arrived, expires, cancelled, expected):
    move = AgentMove(
        grace_hours=8,
        expires_at=NOW + expires * HOUR,
        cancelled_at=None if cancelled is None else NOW + cancelled * HOUR,
    )
    arrival = None if arrived is None else Arrival("007", NOW + arrived * HOUR)
    assert next_state(MovingAgent(state=state), arrival, move, NOW) == expected
