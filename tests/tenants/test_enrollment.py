"""Enrollment tokens from being made to being used up, the agents they let in, and whom they kept out."""

import datetime as dt

import httpx
import pytest
from django.utils import timezone

from controlplane import audit, ids, rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid
from tenants.enrollment import actions, agents, queries
from tenants.enrollment.models import Agent, AgentReading, EnrollmentToken, Refusal
from tenants.enrollment.problems import AgentNotFound, TenantIsGoing, TokenNotFound
from tenants.enrollment.tasks import read_agents
from tenants.protection import actions as protection
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed
from tests.tenants.edge import NOW, refusal
from tests.tenants.test_feed import agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_token(running, alice_acts):
    def make(name="Servers", **more):
        with rls.acting_as(alice_acts.rls_actor):
            return actions.create_token(by=alice_acts, tenant=running, name=name, **more)

    return make


def stored(token: EnrollmentToken) -> EnrollmentToken:
    with rls.acting_as(f"org:{token.organization_id}"):
        return EnrollmentToken.objects.get(pk=token.pk)


def enroll(edge, token, number="001", name="web-1"):
    """What the edge tells when an agent has joined."""
    joined = {"id": number, "name": name, "groups": ["default"]}
    data = {"token": token.pk, "uses": 1, "max_uses": token.max_uses, "enrollment_id": "e", "address": "192.0.2.7"}
    edge.publish(token.tenant_id, "enrollment", {**data, "agent": joined})
    read_feed()


def test_a_token_lives_thirty_days_and_serves_fifty_agents_unless_told_otherwise(make_token):
    token, _ = make_token()
    life = token.expires_at - timezone.now()
    assert dt.timedelta(days=29, hours=23) < life <= dt.timedelta(days=30)
    assert (token.max_uses, token.remaining, token.state) == (50, 50, "active")


def test_only_the_digest_of_a_secret_is_kept(make_token):
    token, secret = make_token()
    assert ids.parse_token(secret) == ids.ParsedToken("enr", token.tenant_id, token.pk)
    assert token.secret_sha256 == ids.digest(secret)
    with all_rows():
        rows = [*EnrollmentToken.objects.values(), *AuditEntry.objects.values()]
    assert secret not in str(rows)
    assert secret[-28:] not in str(rows)


def test_a_token_is_pending_until_the_edge_has_it(make_token, edge):
    token, secret = make_token(groups=["web"], labels={"site": "Bonn"})
    assert token.pending
    deliver()
    assert not stored(token).pending
    known = edge.tokens[token.tenant_id, token.pk]
    assert known["secret_sha256"] == ids.digest(secret)
    assert (known["groups"], known["labels"], known["epoch"]) == (["web"], {"site": "Bonn"}, 1)
    assert known["expires_at"].endswith("Z")


def test_while_the_edge_is_away_a_token_stays_pending_and_is_brought_later(make_token, edge):
    token, _ = make_token()
    for _ in range(4):
        edge.fail_next("PUT", httpx.ConnectError("away"))
    deliver()
    assert stored(token).pending
    deliver()
    assert not stored(token).pending


def test_what_the_edge_refuses_for_good_is_shown(make_token, edge):
    token, _ = make_token()
    edge.fail_next("/tokens/", refusal(409, "TOKEN_CONFLICT"))
    deliver()
    assert stored(token).edge_error["code"] == "TOKEN_CONFLICT"


def test_a_revoked_token_is_refused_at_the_edge(make_token, edge, alice_acts):
    token, _ = make_token()
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        revoked = actions.revoke_token(by=alice_acts, token=token)
    assert (revoked.state, revoked.pending) == ("revoked", True)
    deliver()
    assert edge.tokens[token.tenant_id, token.pk]["revoked"]
    assert not stored(token).pending


def test_a_token_revoked_before_the_edge_knew_it_never_works_there(make_token, edge, alice_acts):
    token, _ = make_token()
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=token)
    deliver()
    assert (token.tenant_id, token.pk) not in edge.tokens
    assert not stored(token).pending


def test_a_revocation_that_overtakes_the_token_itself_still_holds(make_token, edge, alice_acts, monkeypatch):
    token, _ = make_token()
    put = edge._put_token

    def put_slowly(*args, **more):
        with rls.acting_as(alice_acts.rls_actor):
            actions.revoke_token(by=alice_acts, token=stored(token))
        return put(*args, **more)

    monkeypatch.setattr(edge, "_put_token", put_slowly)
    deliver()
    assert edge.tokens[token.tenant_id, token.pk]["revoked"]
    assert not stored(token).pending


def test_revoking_twice_is_told_once(make_token, alice_acts):
    token, _ = make_token()
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=token)
        actions.revoke_token(by=alice_acts, token=token)
        assert AuditEntry.objects.filter(action="tenants.token.revoke").count() == 1


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a" * 81}),
        ("name", {"name": "a\x07"}),
        ("expires_in_days", {"expires_in": dt.timedelta(days=366)}),
        ("expires_in_days", {"expires_in": dt.timedelta(0)}),
        ("expires_in_days", {"expires_in": dt.timedelta.max}),
        ("max_uses", {"max_uses": 0}),
        ("max_uses", {"max_uses": 100_001}),
        ("groups", {"groups": ["a b"]}),
        ("groups", {"groups": [".."]}),
        ("groups", {"groups": ["all"]}),
        ("groups", {"groups": ["web", "web"]}),
        ("groups", {"groups": [f"g{number}" for number in range(17)]}),
        ("labels", {"labels": {"Site!": "Bonn"}}),
        ("labels", {"labels": {"site": "a" * 65}}),
        ("labels", {"labels": {"site": ""}}),
    ],
)
def test_what_no_token_may_be_is_refused_by_the_name_of_its_field(make_token, field, more):
    with pytest.raises(Invalid) as refused:
        make_token(**more)
    assert refused.value.field == field


def test_a_tenant_that_is_being_deleted_gets_no_token(make_token, running, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        protection.delete(by=alice_acts, tenant=running, confirm_name="Office")
        running.refresh_from_db()
    with pytest.raises(TenantIsGoing):
        make_token()


def test_a_viewer_sees_tokens_and_makes_none(running, vera, make_token):
    token, _ = make_token()
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor):
        assert list(queries.tokens_of(actor, running)) == [token]
        with pytest.raises(Forbidden):
            actions.create_token(by=actor, tenant=running, name="Mine")
        with pytest.raises(Forbidden):
            actions.revoke_token(by=actor, token=token)


def test_without_its_entry_in_the_trail_no_token_is_made(make_token, monkeypatch):
    def refuse(**_):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(RuntimeError):
        make_token()
    with all_rows():
        assert not EnrollmentToken.objects.exists()


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


def test_use_counts_are_the_edges(make_token, edge):
    token, _ = make_token(max_uses=2)
    edge.publish(token.tenant_id, "token", {"id": token.pk, "uses": 2, "max_uses": 2, "state": "used_up"})
    read_feed()
    assert (stored(token).state, stored(token).remaining) == ("used_up", 0)


def test_a_token_of_another_tenant_is_not_touched_by_a_forged_change(make_token, edge, new_tenant):
    token, _ = make_token()
    other, _ = new_tenant("Branch")
    edge.publish(other.pk, "token", {"id": token.pk, "uses": 50})
    read_feed()
    assert stored(token).uses == 0


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
