"""A token that is rotated: another takes its place, and it ends by itself after an overlap."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid
from tenants.enrollment.problems import TokenHasEnded
from tenants.enrollment.tokens import actions
from tests.cast import actor_for
from tests.tenants.conftest import deliver, stored

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def rotate(alice_acts):
    def rotated(token, **more):
        with rls.acting_as(alice_acts.rls_actor):
            return actions.rotate_token(by=alice_acts, token=token, **more)

    return rotated


def test_the_new_token_has_the_settings_of_the_old_which_works_until_the_overlap_is_over(make_token, rotate, edge):
    old, old_secret = make_token(max_uses=7, groups=["web"], labels={"shift": "day"}, site="Bonn")
    deliver()
    new, secret = rotate(old, overlap=HOUR)
    assert secret != old_secret
    assert [(each.name, each.max_uses, each.groups, each.labels, each.site) for each in (old, new)] == [
        ("Servers", 7, ["web"], {"shift": "day"}, "Bonn")
    ] * 2
    assert abs((new.expires_at - new.created_at) - (old.expires_at - old.created_at)) < dt.timedelta(seconds=1)
    ending = stored(old)
    assert (ending.state, ending.ends_early, ending.pending) == ("active", True, True)
    assert timezone.now() < ending.ends_at < timezone.now() + HOUR
    deliver()
    known = edge.tokens[old.tenant_id, old.pk]
    assert (known["revoked"], known["ends_at"]) == (False, ending.ends_at.isoformat().replace("+00:00", "Z"))
    assert edge.tokens[new.tenant_id, new.pk]["labels"] == {"shift": "day", "site": "Bonn"}
    assert not stored(old).pending


def test_both_are_in_the_trail_and_know_each_other(make_token, rotate, alice_acts):
    old, _ = make_token()
    new, _ = rotate(old)
    with rls.acting_as(alice_acts.rls_actor):
        rotated = AuditEntry.objects.get(action="tenants.token.rotate")
        made = AuditEntry.objects.get(action="tenants.token.create", target=new.pk)
        assert stored(old).replaced_by == new
    assert (rotated.target, rotated.data["replaced_by"]) == (old.pk, new.pk)
    assert made.data["replaces"] == old.pk


def test_one_that_the_edge_had_not_heard_of_works_there_during_the_overlap(make_token, rotate, edge):
    old, _ = make_token()
    rotate(old)
    deliver()
    assert edge.tokens[old.tenant_id, old.pk]["revoked"] is False
    assert not stored(old).pending


def test_without_overlap_it_ends_at_once(make_token, rotate, edge):
    old, _ = make_token()
    deliver()
    rotate(old, overlap=dt.timedelta(0))
    deliver()
    assert (stored(old).state, edge.tokens[old.tenant_id, old.pk]["revoked"]) == ("revoked", True)


def test_revoking_it_during_the_overlap_ends_it_at_once(make_token, rotate, edge, alice_acts):
    old, _ = make_token()
    rotate(old)
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert actions.revoke_token(by=alice_acts, token=stored(old)).state == "revoked"
    deliver()
    assert edge.tokens[old.tenant_id, old.pk]["revoked"]
    assert not stored(old).pending


def test_one_that_has_ended_or_was_rotated_is_not_rotated(make_token, rotate, alice_acts):
    old, _ = make_token()
    rotate(old)
    revoked, _ = make_token()
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=revoked)
    for ended in (old, revoked):
        with pytest.raises(TokenHasEnded):
            rotate(ended)


@pytest.mark.parametrize("overlap", [-HOUR, dt.timedelta(days=30, seconds=1)])
def test_an_overlap_is_nothing_to_thirty_days(make_token, rotate, overlap):
    token, _ = make_token()
    with pytest.raises(Invalid) as refused:
        rotate(token, overlap=overlap)
    assert refused.value.field == "overlap_hours"
    assert stored(token).revoked_at is None


def test_who_may_not_revoke_may_not_rotate(make_token, vera):
    token, _ = make_token()
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        actions.rotate_token(by=actor, token=token)
