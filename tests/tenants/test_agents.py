"""The mirrored agents: read from the edge, no more often than needed, and cut off on request."""

import threading
import time

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry, Delivery
from controlplane.problems import Forbidden
from tenants.enrollment import actions, agents, queries
from tenants.enrollment.models import Agent, AgentReading
from tenants.enrollment.tasks import read_agents
from tenants.enrollment.tokens import actions as tokens
from tenants.provisioning import mirror
from tenants.provisioning.edge_api import EdgeApi
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import deliver, enroll, read_feed
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db


def test_agents_are_mirrored_as_the_edge_lists_them(running, edge, make_token):
    token, _ = make_token()
    edge.agents[running.pk] = [agent("001", token=token.pk), agent("002", status="disconnected", token="z" * 10)]
    read_agents("lo", running.pk)
    edge.agents[running.pk][0]["status"] = "disconnected"
    read_agents("lo", running.pk)
    with rls.acting_as(f"org:{running.organization_id}"):
        known = {each.number: each for each in Agent.objects.all()}
        assert AgentReading.objects.get().partial is False
    assert (known["001"].status, known["001"].token_id, known["002"].token_id) == ("disconnected", token.pk, None)


def test_agents_that_the_edge_no_longer_lists_are_forgotten(running, edge, monkeypatch):
    asked = []
    monkeypatch.setattr(agents, "wake_reader", lambda tenant: asked.append(tenant.pk))
    edge.agents[running.pk] = [agent("001"), agent("002")]
    read_agents("lo", running.pk)
    edge.agents[running.pk] = [agent("002")]
    read_agents("lo", running.pk)
    with rls.acting_as(f"org:{running.organization_id}"):
        assert [each.number for each in Agent.objects.all()] == ["002"]
    edge.views[running.pk]["agents"] = {"enrolled": 1, "active": 1}
    edge.publish(running.pk)
    read_feed()
    assert asked == []


def test_an_agent_that_joins_while_the_edge_is_asked_is_not_forgotten(running, edge, make_token, monkeypatch):
    token, _ = make_token()
    listed = edge._agents

    def list_slowly(*args, **more):
        answer = listed(*args, **more)
        enroll(edge, token)
        return answer

    monkeypatch.setattr(edge, "_agents", list_slowly)
    read_agents("lo", running.pk)
    with rls.acting_as(f"org:{running.organization_id}"):
        assert Agent.objects.get().number == "001"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_agent_that_the_feed_adds_at_the_same_moment_is_one_agent(running, edge):
    """The feed's transaction has added the agent and not committed yet when the reading comes to its row."""
    edge.agents[running.pk] = [agent("001")]
    failed: list[Exception] = []

    def read() -> None:
        try:
            agents.read(running, EdgeApi(running.cell))
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    reading = threading.Thread(target=read)
    with rls.acting_as(f"org:{running.organization_id}"):
        mirror.locked(running.pk)
        Agent.objects.create(organization_id=running.organization_id, tenant=running, number="001", name="host-001")
        reading.start()
        wait_until_somebody_waits_for_a_lock()
    reading.join()
    assert failed == []
    with rls.acting_as(f"org:{running.organization_id}"):
        assert Agent.objects.get().status == "active"


def wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone():
                return
    raise TimeoutError("nobody waits")


def test_agents_that_can_not_be_read_stay_as_they_were(running, edge):
    edge.agents[running.pk] = [agent("001")]
    read_agents("lo", running.pk)
    edge.fail_next("/agents", httpx.ReadTimeout("slow"))
    read_agents("lo", running.pk)
    read_agents("lb", running.pk)
    with rls.acting_as(f"org:{running.organization_id}"):
        assert Agent.objects.get().status == "active"


def test_a_change_in_the_counts_has_the_agents_read(running, edge, monkeypatch):
    asked = []
    monkeypatch.setattr(agents, "wake_reader", lambda tenant: asked.append(tenant.pk))
    edge.publish(running.pk)
    read_feed()
    assert asked == []
    edge.views[running.pk]["agents"] = {"enrolled": 1, "active": 1}
    edge.publish(running.pk)
    read_feed()
    assert asked == [running.pk]


def test_many_lookers_cause_one_reading(running, monkeypatch):
    asked = []
    monkeypatch.setattr(agents, "wake_reader", lambda tenant: asked.append(tenant.pk))
    with rls.acting_as(f"org:{running.organization_id}"):
        for _ in range(3):
            agents.ask_again_if_old(running)
        AgentReading.objects.update(asked_at=timezone.now() - 2 * agents.FRESH)
        for _ in range(3):
            agents.ask_again_if_old(running)
    assert len(asked) == 2


def test_while_an_agent_is_joining_a_reading_is_old_sooner(running, edge, make_token, monkeypatch):
    token, _ = make_token()
    enroll(edge, token)
    asked = []
    monkeypatch.setattr(agents, "wake_reader", lambda tenant: asked.append(tenant.pk))
    with rls.acting_as(f"org:{running.organization_id}"):
        agents.ask_again_if_old(running)
        AgentReading.objects.update(asked_at=timezone.now() - 2 * agents.FRESH_WHILE_JOINING)
        agents.ask_again_if_old(running)
        Agent.objects.update(status="active")
        AgentReading.objects.update(asked_at=timezone.now() - 2 * agents.FRESH_WHILE_JOINING)
        agents.ask_again_if_old(running)
    assert len(asked) == 2


def test_a_quarantined_agent_is_cut_off_at_the_edge(running, edge, make_token, bob):
    token, _ = make_token()
    edge.agents[running.pk] = [agent("001")]
    enroll(edge, token)
    actor = actor_for(bob)
    with rls.acting_as(actor.rls_actor):
        found = queries.agent(actor, running, "001")
        asked = actions.quarantine(by=actor, agent=found, reason="stolen laptop")
    assert asked.pending
    deliver()
    assert edge.agents[running.pk][0]["quarantined"]
    with rls.acting_as(actor.rls_actor):
        assert not queries.agent(actor, running, "001").pending
        entry = AuditEntry.objects.get(action="tenants.agent.quarantine")
    assert entry.data["reason"] == "stolen laptop"


def test_a_quarantine_of_an_agent_that_is_gone_here_too_is_done(running, edge, make_token, alice_acts):
    token, _ = make_token()
    enroll(edge, token)
    with rls.acting_as(alice_acts.rls_actor):
        actions.quarantine(by=alice_acts, agent=queries.agent(alice_acts, running, "001"), reason="gone")
        Agent.objects.all().delete()
    deliver()
    with all_rows():
        assert not Delivery.objects.filter(delivered_at=None).exists()


def test_an_agent_that_the_edge_has_forgotten_counts_as_cut_off(running, edge, make_token, alice_acts):
    token, _ = make_token()
    enroll(edge, token)
    with rls.acting_as(alice_acts.rls_actor):
        actions.quarantine(by=alice_acts, agent=queries.agent(alice_acts, running, "001"), reason="gone")
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.agent(alice_acts, running, "001").quarantined_at is not None


def test_a_leaked_token_is_ended_with_every_agent_that_it_let_in(running, edge, make_token, alice_acts):
    (leaked, _), (other, _) = make_token(), make_token()
    deliver()
    edge.agents[running.pk] = [agent("001", token=leaked.pk), agent("002", token=other.pk)]
    read_agents("lo", running.pk)
    edge.agents[running.pk].append(agent("003", token=leaked.pk))  # joined a moment ago: not heard of here
    with rls.acting_as(alice_acts.rls_actor):
        token = queries.token(alice_acts, running, leaked.pk)
        for _ in range(2):
            token = tokens.quarantine_token(by=alice_acts, token=token, reason="it lay in a repository")
        assert (token.state, token.pending) == ("revoked", True)
        assert [queries.agent(alice_acts, running, number).pending for number in ("001", "002")] == [True, False]
    deliver()
    assert [each["quarantined"] for each in edge.agents[running.pk]] == [True, False, True]
    assert edge.tokens[running.pk, leaked.pk]["revoked"]
    read_agents("lo", running.pk)
    with rls.acting_as(alice_acts.rls_actor):
        assert not queries.token(alice_acts, running, leaked.pk).pending
        marked = Agent.objects.filter(quarantined_at__isnull=False).values_list("number", flat=True)
        assert sorted(marked) == ["001", "003"]
        (entry,) = AuditEntry.objects.filter(action="tenants.token.quarantine")
    assert (entry.data["agents"], entry.data["reason"]) == (1, "it lay in a repository")
    assert edge.count("/quarantine") == 1


def test_a_leaked_token_that_the_edge_never_had_is_refused_there_all_the_same(running, edge, make_token, alice_acts):
    token, _ = make_token()
    with rls.acting_as(alice_acts.rls_actor):
        tokens.quarantine_token(by=alice_acts, token=token, reason="leaked")
    deliver()
    assert (running.pk, token.pk) not in edge.tokens
    with rls.acting_as(alice_acts.rls_actor):
        assert not queries.token(alice_acts, running, token.pk).pending


def test_a_viewer_cuts_nobody_off(running, make_token, vera):
    token, _ = make_token()
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        tokens.quarantine_token(by=actor, token=token, reason="leaked")
