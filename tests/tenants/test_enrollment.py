"""Enrollments as the edge tells them: who joined with which token, and whom it kept out."""

import datetime as dt

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.enrollment import queries
from tenants.enrollment.models import Refusal
from tenants.enrollment.problems import AgentNotFound, TokenNotFound
from tests.tenants.conftest import enroll, read_feed, stored
from tests.tenants.edge_life import NOW

pytestmark = pytest.mark.django_db


def test_an_agent_that_joins_is_known_with_its_token_and_told_in_the_trail(make_token, edge, alice_acts, running):
    token, _ = make_token()
    enroll(edge, token)
    with rls.acting_as(alice_acts.rls_actor):
        (joined,) = queries.agents_of(alice_acts, running)
        entry = AuditEntry.objects.get(action="tenants.agent.enroll")
    assert (joined.number, joined.name, joined.token_id, joined.address) == ("001", "web-1", token.pk, "192.0.2.7")
    used = stored(token)
    assert (used.uses, used.remaining, used.last_used_by, used.last_used_from) == (1, 49, "web-1", "192.0.2.7")
    assert entry.data["token"] == token.pk
    assert entry.actor["kind"] == "system"


def test_refusals_are_counted_by_the_hour_and_told_once(make_token, edge, running, alice_acts):
    token, _ = make_token()
    for name in ("web-1", "web-2", "web-3"):
        data = {"token": token.pk, "reason": "expired", "name": name, "address": "192.0.2.9"}
        edge.publish(running.pk, "refusal", data)
    edge.publish(running.pk, "refusal", {"token": None, "reason": "unknown", "name": "x", "address": "192.0.2.9"})
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        counted = {each.reason: each.count for each in queries.refusals_of(alice_acts, running)}
        assert AuditEntry.objects.filter(action="tenants.enrollment.refuse").count() == 2
    assert counted == {"expired": 3, "unknown": 1}


def test_tokens_and_agents_are_found_in_their_own_tenant_only(running, edge, make_token, new_tenant, alice_acts):
    token, _ = make_token()
    enroll(edge, token)
    other, _ = new_tenant("Branch")
    with rls.acting_as(alice_acts.rls_actor):
        with pytest.raises(TokenNotFound):
            queries.token(alice_acts, other, token.pk)
        with pytest.raises(AgentNotFound):
            queries.agent(alice_acts, other, "001")
        assert not Refusal.objects.exists()


def test_a_tenants_times_are_the_edges(running, edge, make_token):
    token, _ = make_token()
    enroll(edge, token)
    assert stored(token).last_used_at == dt.datetime.fromisoformat(NOW)
