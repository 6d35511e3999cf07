"""Dashboards and event streams: who gets in as what, until when, and how it ends."""

import datetime as dt
import json

import httpx
import jwt
import pytest
from django.utils import timezone

from controlplane import audit, edge_keys, outbox, rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, Delivery
from controlplane.problems import Forbidden, NotFound
from organizations.models import Grant
from tenants.access import actions, queries
from tenants.access.models import Revocation
from tenants.access.revocations import TERMS
from tenants.provisioning.problems import EdgeNotAvailable, EdgeSaysNo, NotPossibleNow
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db

EIGHT_HOURS = dt.timedelta(hours=8)


def body_of_last(edge) -> dict:
    return json.loads(edge.requests[-1].content)


@pytest.mark.parametrize(("person", "role"), [("alice", "admin"), ("bob", "operator"), ("vera", "viewer")])
def test_each_role_of_the_portal_has_its_role_in_the_dashboard(request, running, edge, person, role):
    user = request.getfixturevalue(person)
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        code = actions.open_dashboard(by=actor, tenant=running)
    body = body_of_last(edge)
    assert (body["role"], body["user"]) == (role, {"id": user.pk, "email": user.email})
    assert (body["session"], body["grant"], body["organization"]) == ("ses_test", None, running.organization_id)
    assert code.post_to == f"http://{running.pk}.localhost:8787/session"


def test_an_msps_person_comes_by_the_grant_and_no_longer_than_it(running, edge, maria, msp):
    actor = actor_for(maria)
    ends = timezone.now() + dt.timedelta(hours=1)
    with all_rows():
        Grant.objects.filter(msp=msp).update(ends_at=ends)
        grant = Grant.objects.get(msp=msp)
    with rls.acting_as(actor.rls_actor):
        actions.open_dashboard(by=actor, tenant=running)
        entry = AuditEntry.objects.get(action="tenants.dashboard.open")
    body = body_of_last(edge)
    assert (body["role"], body["grant"]) == ("operator", grant.pk)
    assert dt.datetime.fromisoformat(body["ends_at"]) == ends
    assert entry.actor["grant"] == grant.pk


def test_a_session_ends_after_eight_hours_at_the_latest(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.open_dashboard(by=alice_acts, tenant=running)
    left = dt.datetime.fromisoformat(body_of_last(edge)["ends_at"]) - timezone.now()
    assert EIGHT_HOURS - dt.timedelta(minutes=1) < left <= EIGHT_HOURS


def test_an_outsider_learns_nothing_and_a_key_without_the_scope_is_refused(running, edge, mallory, alice):
    outsider = actor_for(mallory)
    with rls.acting_as(outsider.rls_actor), pytest.raises(NotFound):
        actions.open_dashboard(by=outsider, tenant=running)
    key = Actor(
        user_id=alice.pk,
        kind="api_key",
        key_id="key_x",
        scopes=frozenset({"tenant.view"}),
        organization_id=running.organization_id,
    )
    with rls.acting_as(key.rls_actor), pytest.raises(Forbidden):
        actions.open_dashboard(by=key, tenant=running)


def test_a_key_is_in_the_dashboard_what_its_scopes_allow_and_not_what_its_owner_is(running, edge, alice):
    scopes = frozenset({"tenant.view", "dashboard.open"})
    organization_id = running.organization_id
    key = Actor(user_id=alice.pk, kind="api_key", key_id="key_x", scopes=scopes, organization_id=organization_id)
    with rls.acting_as(key.rls_actor):
        actions.open_dashboard(by=key, tenant=running)
    assert (body_of_last(edge)["role"], body_of_last(edge)["session"]) == ("viewer", "key_x")


def test_a_tenant_that_does_not_run_has_no_dashboard(tenant, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        actions.open_dashboard(by=alice_acts, tenant=tenant)
    assert edge.calls == []


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (httpx.ConnectError("away"), EdgeNotAvailable),
        (httpx.ReadTimeout("slow"), EdgeNotAvailable),
        (refusal(422, "ACCESS_ENDED"), EdgeSaysNo),
    ],
)
def test_what_the_edge_can_not_or_will_not_do_is_said_plainly(running, edge, alice_acts, failure, outcome):
    edge.fail_next("dashboard-codes", failure)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(outcome) as refused:
        actions.open_dashboard(by=alice_acts, tenant=running)
    assert refused.value.status in (503, 409)


def test_no_code_is_issued_that_the_trail_does_not_know_of(running, edge, alice_acts, monkeypatch):
    def refuse(**_):
        raise RuntimeError("the trail is full")

    calls = len(edge.calls)
    monkeypatch.setattr(audit, "record", refuse)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(RuntimeError):
        actions.open_dashboard(by=alice_acts, tenant=running)
    assert len(edge.calls) == calls


def test_the_trail_tells_when_a_dashboard_was_really_entered(running, edge, vera):
    edge.publish(running.pk, "dashboard", {"user": vera.pk, "role": "viewer", "session": "ses_test"})
    read_feed()
    with rls.acting_as(f"org:{running.organization_id}"):
        entry = AuditEntry.objects.get(action="tenants.dashboard.enter")
    assert (entry.data["user"], entry.data["role"]) == (vera.pk, "viewer")


def test_a_stream_credential_carries_what_revocations_go_by(running, edge, maria, msp):
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        stream = actions.event_stream_token(by=actor, tenant=running)
        grant = Grant.objects.get(msp=msp)
    public = edge_keys.signing_key("access").private.public_key()
    claims = jwt.decode(stream.token, public, algorithms=["EdDSA"], audience="edge:test:lo")
    assert jwt.get_unverified_header(stream.token)["typ"] == "edge-scoped+jwt"
    assert (claims["sub"], claims["tenant"], claims["scope"]) == (maria.pk, running.pk, "events:read")
    assert (claims["grant"], claims["session"], claims["role"]) == (grant.pk, "ses_test", "operator")
    assert claims["exp"] - claims["iat"] <= 8 * 3600
    assert stream.url == "http://edge.test/api/events"


def test_events_are_read_with_a_credential_that_lives_a_minute(running, edge, vera):
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor):
        told = queries.events(by=actor, tenant=running, after=6, limit=10)
    assert told["events"][0]["seq"] == 7
    request = edge.requests[-1]
    assert request.url.query == b"after=6&limit=10"
    bearer = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(bearer, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] <= 60


def test_events_of_an_edge_that_is_away_are_a_clear_problem(running, edge, vera):
    actor = actor_for(vera)
    edge.fail_next("/api/events", httpx.ConnectError("away"))
    with rls.acting_as(actor.rls_actor), pytest.raises(EdgeNotAvailable):
        queries.events(by=actor, tenant=running)


def tell(topic: str, organization_id: str, organizations: list[str], **known: str) -> None:
    """Publish what `organizations` publishes when somebody's reach ends."""
    payload = {"before": timezone.now().isoformat(), "organizations": organizations, **known}
    with rls.acting_as(f"org:{organization_id}"):
        outbox.publish(topic, key=f"{topic}:{known}", organization_id=organization_id, payload=payload)


KNOWN = {"user": "usr_x", "grant": "grant_x", "connection": "conn_x", "session": "ses_x", "key": "key_x"}


@pytest.mark.parametrize("topic", sorted(TERMS))
def test_whatever_ends_somebodys_reach_is_told_to_the_edge(running, edge, acme, topic):
    tell(topic, acme.pk, [acme.pk], **KNOWN)
    deliver()
    term, known_as = TERMS[topic]
    body = body_of_last(edge)
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")
    assert body[term] == KNOWN[known_as]
    assert set(body) == {"epoch", "idempotency_key", "before", term}
    assert body["before"].endswith("Z")


def test_a_revocation_is_pending_until_the_edge_has_confirmed_it(running, edge, acme, alice_acts):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    for _ in range(4):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.pending_revocations(alice_acts, running).count() == 1
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.pending_revocations(alice_acts, running).count() == 0
        (done,) = queries.revocations_of(alice_acts, running)
    assert done.closed == 1
    keys = {json.loads(each.content)["idempotency_key"] for each in edge.requests if "revocations" in each.url.path}
    assert keys == {done.pk}


def test_a_member_of_an_msp_who_leaves_loses_every_clients_tenants(running, edge, acme, msp):
    tell("organizations.membership.ended", msp.pk, [msp.pk, acme.pk], user="usr_x")
    deliver()
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")


def test_one_edge_that_is_away_delays_no_other_tenants_revocation(running, new_tenant, edge, acme):
    other, _ = new_tenant("Branch")
    reconcile(other.pk)
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    for _ in range(4):
        edge.fail_next(f"{running.pk}/revocations", httpx.ReadTimeout("hangs"))
    deliver()
    with all_rows():
        pending = {each.tenant_id: each.pending for each in Revocation.objects.all()}
    assert pending == {running.pk: True, other.pk: False}


def test_a_fact_that_is_delivered_twice_revokes_once(running, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    deliver()
    with all_rows():
        Delivery.objects.filter(message__topic="organizations.session.ended").update(
            delivered_at=None, next_attempt_at=timezone.now()
        )
    deliver()
    with all_rows():
        assert Revocation.objects.count() == 1


def test_tenants_that_the_edge_never_saw_need_no_revocation(tenant, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    deliver()
    assert edge.calls == []


def test_a_tenant_that_is_gone_at_the_edge_holds_no_session(running, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    edge.fail_next("revocations", refusal(410, "TENANT_DELETED"))
    deliver()
    with all_rows():
        assert Revocation.objects.get().closed == 0


def test_the_events_page_shows_the_newest_events_however_far_behind_the_known_position_is(
    running, edge, alice, monkeypatch
):
    log = [
        {"seq": seq, "at": "2026-11-23T10:00:00.000Z", "kind": "lifecycle", "data": {"state": f"number {seq} of all"}}
        for seq in range(1, 1001)
    ]

    def replayed(*, by, tenant, after, limit):
        return {"events": log[after : after + limit], "next": after + limit, "oldest": 1, "latest": len(log)}

    monkeypatch.setattr(queries, "events", replayed)
    page = session_of(alice).get(f"/t/{running.pk}/events/")
    shown = [event["seq"] for event in page.context["events"]]
    assert shown == list(range(1000, 950, -1))
    assert page.context["latest"] == 1000
