"""The mirrored agents: read from the edge, no more often than needed, and cut off on request."""

import httpx
import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.enrollment import actions, agents, queries
from tenants.enrollment.models import Agent, AgentReading
from tenants.enrollment.tasks import read_agents
from tests.cast import actor_for
from tests.tenants.conftest import deliver, enroll, read_feed
from tests.tenants.edge import agent

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


def test_an_agent_that_the_edge_has_forgotten_counts_as_cut_off(running, edge, make_token, alice_acts):
    token, _ = make_token()
    enroll(edge, token)
    with rls.acting_as(alice_acts.rls_actor):
        actions.quarantine(by=alice_acts, agent=queries.agent(alice_acts, running, "001"), reason="gone")
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.agent(alice_acts, running, "001").quarantined_at is not None
