"""Members that are programs, and keys that are exchanged without a gap."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.actions import keys, members, service_accounts
from organizations.models import ApiKey, Membership, Organization, User
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited
from tests.organizations.test_keys import VIEW, call, make

DAY = dt.timedelta(days=1)


def account_of(organization: Organization, by: User, role: str = "operator") -> Membership:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return service_accounts.create(by=actor, organization=organization, name="Tickets", role=role)


def rotate(by: User, organization: Organization, key: ApiKey, overlap: dt.timedelta = DAY) -> tuple[ApiKey, str]:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return keys.rotate(by=actor, organization=organization, key_id=key.pk, overlap=overlap, expires_in=90 * DAY)


def test_its_key_works_on_when_the_person_who_made_it_has_left(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(organization=acme, user=bob).update(role="owner")
    account = account_of(acme, by=bob)
    own, text_of_bob = make(bob, acme)
    key, text = make(bob, acme, service_account=account.user_id)
    assert (own.owner_id, key.owner_id) == (bob.pk, account.user_id)
    actor = actor_for(alice)
    with all_rows():
        membership = Membership.objects.get(organization=acme, user=bob)
    with rls.acting_as(actor.rls_actor):
        members.remove(by=actor, organization=acme, membership_id=membership.pk)
    assert (call(text_of_bob), call(text)) == (401, 200)


def test_its_keys_end_with_it(acme: Organization, alice: User) -> None:
    account = account_of(acme, by=alice)
    _, text = make(alice, acme, service_account=account.user_id)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        members.remove(by=actor, organization=acme, membership_id=account.pk)
    assert call(text) == 401


def test_a_key_of_it_can_do_what_its_role_and_its_maker_can(acme: Organization, alice: User) -> None:
    account = account_of(acme, by=alice, role="viewer")
    with pytest.raises(Invalid, match=r"does not allow tenant\.create"):
        make(alice, acme, service_account=account.user_id, scopes=["tenant.view", "tenant.create"])
    _, text = make(alice, acme, service_account=account.user_id)
    with all_rows():
        Membership.objects.filter(pk=account.pk).update(role="billing")
    assert call(text, f"/api/v1/organizations/{acme.pk}/roles") == 200
    with all_rows():
        Membership.objects.filter(pk=account.pk).update(blocked_at=timezone.now())
    assert call(text) == 401


def test_nobody_makes_a_key_for_another_person(acme: Organization, alice: User, bob: User) -> None:
    with pytest.raises(Invalid, match="no service account"):
        make(alice, acme, service_account=bob.pk)


def test_it_never_owns_the_organization(acme: Organization, alice: User) -> None:
    with pytest.raises(Invalid, match="can't be an owner"):
        account_of(acme, by=alice, role="owner")
    account, actor = account_of(acme, by=alice), actor_for(alice)
    with rls.acting_as(actor.rls_actor), pytest.raises(Invalid, match="can't be an owner"):
        members.change_role(by=actor, organization=acme, membership_id=account.pk, role="owner")


def test_an_msp_makes_none_in_a_client(acme: Organization, paula: User) -> None:
    """Its keys would outlive the access that the client can end."""
    with pytest.raises(Forbidden):
        account_of(acme, by=paula)


def test_both_keys_work_until_the_overlap_is_over(acme: Organization, alice: User) -> None:
    old, before = make(alice, acme, networks=["203.0.113.0/24"])
    new, after = rotate(alice, acme, old)
    assert (new.scopes, new.networks, new.name, new.replaces_id) == (old.scopes, old.networks, old.name, old.pk)
    assert (call(before), call(after)) == (200, 200)
    with all_rows():
        old.refresh_from_db()
        assert old.expires_at <= timezone.now() + DAY
        ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert (call(before), call(after)) == (401, 200)
    assert {"organizations.api_key.rotate", "organizations.api_key.create"} <= {e.action for e in audited(acme.pk)}


def test_what_the_old_key_opened_at_the_edge_ends_with_it_and_not_hours_later(acme: Organization, alice: User) -> None:
    old, _ = make(alice, acme, expires_in=30 * DAY)
    rotate(alice, acme, old, dt.timedelta(0))
    with all_rows():
        fact = Message.objects.get(topic="organizations.api_key.shortened").payload
    assert (fact["key"], fact["organizations"]) == (old.pk, [acme.pk])


def test_a_key_that_ends_before_the_overlap_is_not_prolonged(acme: Organization, alice: User) -> None:
    old, _ = make(alice, acme, expires_in=dt.timedelta(hours=1))
    ends = old.expires_at
    rotate(alice, acme, old)
    with all_rows():
        old.refresh_from_db()
    assert old.expires_at == ends


def test_a_stolen_key_does_not_make_itself_last(acme: Organization, alice: User) -> None:
    from organizations.keys.authentication import actor_for as actor_of_key

    key, _ = make(alice, acme, scopes=["key.manage", *VIEW])
    other, _ = make(alice, acme)
    actor = actor_of_key(key, actor_for(alice))
    with rls.acting_as(actor.rls_actor):
        with pytest.raises(Forbidden, match="can't rotate itself"):
            keys.rotate(by=actor, organization=acme, key_id=key.pk, overlap=DAY, expires_in=90 * DAY)
        new, _ = keys.rotate(by=actor, organization=acme, key_id=other.pk, overlap=DAY, expires_in=90 * DAY)
    assert new.expires_at <= key.expires_at
    assert new.made_with_id == key.pk


def test_nobody_gets_a_key_to_act_as_another_person(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(organization=acme, user=bob).update(role="owner")
    key, _ = make(bob, acme)
    with pytest.raises(Forbidden, match="act as them"):
        rotate(alice, acme, key)


def test_an_ended_key_is_not_rotated(acme: Organization, alice: User) -> None:
    key, _ = make(alice, acme)
    with all_rows():
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    with pytest.raises(Conflict, match="has ended"):
        rotate(alice, acme, key)


def test_in_a_browser_an_account_is_made_and_its_key_made_and_rotated(acme: Organization, alice: User) -> None:
    browser = session_of(alice)
    browser.post(f"/o/{acme.pk}/service-accounts/", {"name": "Tickets", "role": "operator"})
    with all_rows():
        account = Membership.objects.get(organization=acme, user__is_service=True)
    assert "Service account" in browser.get(f"/o/{acme.pk}/members/").content.decode()
    form = {"name": "CRM", "scopes": VIEW, "expires_in": "30", "service_account": account.user_id}
    made = browser.post(f"/o/{acme.pk}/keys/new/", form)
    assert "api_" in made.context["secret"]
    rotated = browser.post(
        f"/o/{acme.pk}/keys/{made.context['created'].pk}/rotate/", {"overlap_hours": 1, "expires_in": 90}
    )
    assert call(rotated.context["secret"]) == 200
    assert rotated.context["secret"] not in browser.get(f"/o/{acme.pk}/keys/").content.decode()
