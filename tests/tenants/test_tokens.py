"""Enrollment tokens from being made to being used up or revoked, and how the edge gets to know of them."""

import datetime as dt

import httpx
import pytest
from django.utils import timezone

from controlplane import audit, ids, rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid
from tenants.enrollment import queries
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.problems import TenantIsGoing
from tenants.enrollment.tokens import actions
from tenants.protection.deletion import actions as deletion
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed, stored
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize(
    "final", [refusal(409, "TOKEN_CONFLICT"), refusal(422, "INVALID_REQUEST"), refusal(410, "TENANT_DELETED")]
)
def test_what_the_edge_refuses_for_good_is_shown_and_not_sent_again(make_token, edge, final):
    token, _ = make_token()
    edge.fail_next("/tokens/", final)
    deliver()
    assert stored(token).edge_error["code"] == final.json()["code"]
    assert edge.count("/tokens/") == 1


PASSING = [
    refusal(401, "UNAUTHENTICATED"),
    refusal(401, "PROOF_REPLAYED"),
    refusal(403, "DOOR_FORBIDDEN"),
    refusal(421, "HOST_UNKNOWN"),
    refusal(409, "STALE_EPOCH"),
]
"""Refusals that are about us or the cell, not about the token: they pass when a clock, a key or an epoch is mended."""


@pytest.mark.parametrize("passing", PASSING)
def test_a_new_token_is_brought_again_after_a_refusal_that_is_not_about_it(make_token, edge, passing):
    token, _ = make_token()
    for _ in range(4):
        edge.fail_next("/tokens/", passing)
    deliver()
    assert (stored(token).pending, stored(token).edge_error) == (True, None)
    deliver()
    assert not stored(token).pending


@pytest.mark.parametrize("passing", [*PASSING, refusal(422, "INVALID_REQUEST")])
def test_no_refusal_makes_a_revocation_be_forgotten(make_token, edge, alice_acts, passing):
    token, _ = make_token()
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=token)
    for _ in range(4):
        edge.fail_next("/tokens/", passing)
    deliver()
    assert stored(token).pending
    deliver()
    assert edge.tokens[token.tenant_id, token.pk]["revoked"]
    assert not stored(token).pending


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
        ("labels", {"labels": {"site": "R&D"}}),
    ],
)
def test_what_no_token_may_be_is_refused_by_the_name_of_its_field(make_token, field, more):
    with pytest.raises(Invalid) as refused:
        make_token(**more)
    assert refused.value.field == field


def test_a_deleted_tenant_gets_no_token(make_token, running, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
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
