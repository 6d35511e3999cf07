"""Dashboards and event streams: who gets in as what, and until when."""

import datetime as dt
import json
from dataclasses import replace

import httpx
import jwt
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane import audit, edge_keys, rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid, NotFound
from organizations.actions import keys
from organizations.keys.authentication import actor_for as actor_for_key
from organizations.models import Grant, Organization
from organizations.permissions import PERMISSIONS
from tenants.access import actions, queries
from tenants.access.rows import event_row
from tenants.provisioning import dashboard_roles
from tenants.provisioning.problems import EdgeNotAvailable, EdgeSaysNo, NotPossibleNow
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import read_feed
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
    assert body["variant"] == code.variant == ("read_only" if role == "viewer" else "full")
    assert (body["session"], body["grant"], body["organization"]) == ("ses_test", None, running.organization_id)
    assert code.post_to == f"http://{running.pk}.localhost:8787/session"


def test_whoever_may_change_things_may_also_only_look_and_the_trail_says_which(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        code = actions.open_dashboard(by=alice_acts, tenant=running, variant="read_only")
        entry = AuditEntry.objects.get(action="tenants.dashboard.open")
    assert (body_of_last(edge)["role"], body_of_last(edge)["variant"]) == ("admin", "read_only")
    assert (code.variant, entry.data["variant"]) == ("read_only", "read_only")


def test_a_viewer_can_not_ask_for_more_than_to_look(running, edge, vera):
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        actions.open_dashboard(by=actor, tenant=running, variant="full")
    assert not [path for _, path in edge.calls if path.endswith("/dashboard-codes")]


def test_the_edge_knows_the_roles_and_variants_that_the_portal_sends():
    contract = json.loads((settings.BASE_DIR / "contracts/edge-api.json").read_text())
    order = contract["components"]["schemas"]["DashboardCode"]["properties"]
    assert order["role"]["enum"] == [role.name for role in dashboard_roles.ROLES]
    assert order["variant"]["enum"] == list(dashboard_roles.VARIANTS)
    assert all(set(role.variants) <= set(dashboard_roles.VARIANTS) for role in dashboard_roles.ROLES)


@pytest.mark.parametrize(("person", "opens", "chooses"), [("alice", "full", True), ("vera", "read_only", False)])
def test_the_page_says_how_the_dashboard_opens_and_lets_choose_who_may(running, edge, request, person, opens, chooses):
    browser = session_of(request.getfixturevalue(person))
    page = browser.get(f"/t/{running.pk}/").content.decode()
    assert ("Open dashboard, read-only" in page) == (opens == "read_only")
    assert ("Open dashboard read-only" in page) == chooses
    address = f"/t/{running.pk}/dashboard/"
    assert "It opens read-only" in browser.post(address, {"variant": "read_only"}).content.decode()
    assert body_of_last(edge)["variant"] == "read_only"
    assert ("It opens read-only" in browser.post(address).content.decode()) == (opens == "read_only")
    assert body_of_last(edge)["variant"] == opens
    assert browser.post(address, {"variant": "all"}).status_code == 422


def test_the_api_takes_the_variant_and_says_which_it_gave(running, edge, api):
    address = f"tenants/{running.pk}/dashboard"
    assert api.post(address, {"variant": "read_only"}).json()["variant"] == "read_only"
    assert api.post(address).json()["variant"] == "full"
    refused = api.post(address, {"variant": "all"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "variant")


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


def test_what_an_api_key_opened_ends_with_the_key(running, edge, alice, acme, alice_acts):
    life = dt.timedelta(minutes=1)
    with rls.acting_as(alice_acts.rls_actor):
        key, _ = keys.create(by=alice_acts, organization=acme, name="CI", scopes=PERMISSIONS, expires_in=life)
        actor = actor_for_key(key, alice_acts)
        stream = actions.event_stream_token(by=actor, tenant=running)
        actions.open_dashboard(by=actor, tenant=running)
    assert stream.expires_at == key.expires_at
    assert dt.datetime.fromisoformat(body_of_last(edge)["ends_at"]) == key.expires_at
    assert jwt.decode(stream.token, options={"verify_signature": False})["exp"] <= key.expires_at.timestamp()


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


def test_a_dashboard_opens_where_it_was_asked_to(running, edge, alice_acts):
    path = "/app/data-explorer/discover#?_q=(query:(language:kuery,query:'rule.id:%205710'))"
    with rls.acting_as(alice_acts.rls_actor):
        actions.open_dashboard(by=alice_acts, tenant=running, path=path)
        assert body_of_last(edge)["path"] == path
        actions.open_dashboard(by=alice_acts, tenant=running)
    assert "path" not in body_of_last(edge)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "//evil.example/app/",
            "https://evil.example/app/",
            "/session",
            "app/home",
            "/app",
            "/app/a b",
            "/app/\\evil",
        ),
        *(
            "/app/../../session",
            "/app/%2e%2e/%2e%2e/session",
            "/app/x/..",
            "/app/../../app/x",
            "/app/\r\nset-cookie:x",
            "/app/" + "x" * 2000,
        ),
    ],
)
def test_a_path_outside_the_dashboard_opens_nothing(running, edge, alice_acts, path):
    before = len(edge.calls)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(Invalid):
        actions.open_dashboard(by=alice_acts, tenant=running, path=path)
    assert len(edge.calls) == before


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


def test_no_code_reaches_anybody_that_the_trail_does_not_know_of(running, edge, alice_acts, monkeypatch):
    def refuse(**_):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr(audit, "record", refuse)
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(RuntimeError):
        actions.open_dashboard(by=alice_acts, tenant=running)


def test_the_trail_is_not_locked_while_the_edge_is_asked(running, edge, alice_acts, monkeypatch):
    """On Postgres an entry that is written keeps every other writer of the organization waiting until commit."""
    entries = []

    def slow_code(*args, **more):
        entries.append(AuditEntry.objects.filter(action="tenants.dashboard.open").count())
        return code(*args, **more)

    code = edge._code
    monkeypatch.setattr(edge, "_code", slow_code)
    with rls.acting_as(alice_acts.rls_actor):
        actions.open_dashboard(by=alice_acts, tenant=running)
        entries.append(AuditEntry.objects.filter(action="tenants.dashboard.open").count())
    assert entries == [0, 1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("post", "dashboard/"),
        ("get", "events/"),
        ("get", "events/tail/"),
        ("get", "events/recent/"),
        ("get", "first-steps/"),
    ],
)
def test_no_page_holds_a_transaction_or_a_pooled_connection_while_it_asks_the_edge(
    running, edge, alice, monkeypatch, method, address
):
    edge.views[running.pk]["agents"] = {"enrolled": 1, "active": 1}
    edge.publish(running.pk)
    read_feed()
    browser, held = session_of(alice), []
    route = edge._route

    def look(request):
        pooled = connection.vendor == "postgresql" and connection.connection is not None
        held.append((connection.in_atomic_block, pooled))
        return route(request)

    monkeypatch.setattr(edge, "_route", look)
    assert getattr(browser, method)(f"/t/{running.pk}/{address}").status_code == 200
    assert set(held) == {(False, False)}


def test_the_trail_tells_when_a_dashboard_was_really_entered(running, edge, vera):
    data = {"user": vera.pk, "role": "viewer", "variant": "read_only", "session": "ses_test"}
    edge.publish(running.pk, "dashboard", data)
    read_feed()
    with rls.acting_as(f"org:{running.organization_id}"):
        entry = AuditEntry.objects.get(action="tenants.dashboard.enter")
    told = (entry.data["user"], entry.data["role"], entry.data["variant"])
    assert told == (vera.pk, "viewer", "read_only")


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
    edge.alert(running.pk, times=7)
    with rls.acting_as(actor.rls_actor):
        told = queries.event_log(actor, running).read(after=6, limit=10)
    assert [event["seq"] for event in told["events"]] == [7]
    request = edge.requests[-1]
    assert request.url.query == b"after=6&limit=10"
    bearer = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(bearer, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] <= 60


def test_events_of_an_edge_that_is_away_are_a_clear_problem(running, edge, vera):
    actor = actor_for(vera)
    edge.fail_next("/api/events", httpx.ConnectError("away"))
    with rls.acting_as(actor.rls_actor), pytest.raises(EdgeNotAvailable):
        queries.event_log(actor, running).read()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"node": "indexer-0", "health": "failing", "before": "ok", "reason": {"message": "Its disk is full."}},
            "Indexer-0 is failing: Its disk is full.",
        ),
        ({"node": "indexer-0", "health": "ok", "before": "failing", "reason": None}, "Indexer-0 is well again"),
        (
            {"observed": "degraded", "reason": {"message": "A node is not well."}},
            "Tenant is degraded: A node is not well.",
        ),
    ],
)
def test_what_becomes_of_a_tenant_and_its_nodes_reads_as_a_sentence(data, words):
    row = event_row({"seq": 1, "kind": "lifecycle", "data": data})
    assert row["words"] == words


def test_what_opens_at_the_edge_is_good_from_the_networks_of_organization_msp_and_key_alone(
    running, edge, maria, msp, acme
):
    acme_lists, msp_lists = ["192.0.2.0/24"], ["192.0.2.0/28", "2001:db8::/32"]
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(allowed_networks=acme_lists)
        Organization.objects.filter(pk=msp.pk).update(allowed_networks=msp_lists)
    actor = replace(actor_for(maria), address="192.0.2.7")
    with rls.acting_as(actor.rls_actor):
        stream = actions.event_stream_token(by=actor, tenant=running)
        looking = queries.event_log(actor, running)
        actions.open_dashboard(by=actor, tenant=running)
    given, own = (
        jwt.decode(token, options={"verify_signature": False})["networks"] for token in (stream.token, looking.bearer)
    )
    assert sorted(given) == sorted(body_of_last(edge)["networks"]) == [acme_lists, msp_lists]
    assert own == [], "the portal uses this one, from where it is itself"


def test_a_keys_networks_bind_what_it_opens_at_the_edge(running, edge, alice_acts, acme):
    with rls.acting_as(alice_acts.rls_actor):
        key, _ = keys.create(
            by=alice_acts,
            organization=acme,
            name="n",
            scopes=PERMISSIONS,
            expires_in=dt.timedelta(days=1),
            networks=["198.51.100.0/24"],
        )
    actor = actor_for_key(key, replace(alice_acts, address="198.51.100.7"))
    with rls.acting_as(actor.rls_actor):
        actions.open_dashboard(by=actor, tenant=running)
    assert body_of_last(edge)["networks"] == [["198.51.100.0/24"]]
