"""Breaking into a client: allowed by it, with a reason, told at once, for an hour at most, and in both trails."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import queries
from organizations.access import NotConfirmed
from organizations.actions import emergency_access, grants, reviews
from organizations.models import EmergencyAccess, Grant, Membership, Organization, User
from organizations.msp.client_sets import ADMINISTRATION
from organizations.permissions import ROLES
from tests.cast import actor_for, join, person, role_of, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited, written_to
from tests.organizations.test_custom_roles import held

REASON = "Ransom note on the file server"


@pytest.fixture
def grant(acme: Organization, alice: User) -> Grant:
    """Acme lets Northwatch do what a viewer may, and what an admin may in an emergency."""
    with all_rows():
        Grant.objects.filter(client=acme).update(role_ceiling="viewer", emergency_ceiling="admin")
        return Grant.objects.get(client=acme)


def break_in(client: Organization, user: User, grant: Grant, reason: str = REASON, **changes: Any) -> EmergencyAccess:
    actor = replace(actor_for(user), **changes)
    with rls.acting_as(actor.rls_actor):
        return emergency_access.begin(by=actor, client=client, grant_id=grant.pk, reason=reason)


def role(user: User, client: Organization) -> str | None:
    with rls.acting_as(f"user:{user.pk}"):
        return role_of(actor_for(user), client)


def test_for_an_hour_the_emergency_ceiling_holds_and_the_persons_own_role_above_it(
    acme: Organization, paula: User, maria: User, grant: Grant
) -> None:
    assert (role(maria, acme), role(paula, acme)) == ("viewer", "viewer")
    made = break_in(acme, maria, grant)
    assert made.ends_at - timezone.now() <= dt.timedelta(hours=1)
    assert (role(maria, acme), role(paula, acme)) == ("operator", "viewer")
    break_in(acme, paula, grant)
    assert held(paula, acme) == ROLES["admin"] - ADMINISTRATION


def test_all_owners_are_mailed_at_once_and_both_trails_have_the_reason(
    acme: Organization, msp: Organization, alice: User, bob: User, maria: User, grant: Grant
) -> None:
    break_in(acme, maria, grant)
    (told,) = written_to(alice.email)
    assert told.subject == "Maria of Northwatch broke into Acme"
    assert REASON in told.body
    assert not written_to(bob.email)
    for organization in (acme, msp):
        entry = audited(organization.pk)[-1]
        assert (entry.action, entry.data["reason"]) == ("organizations.emergency_access.begin", REASON)
        assert (entry.actor["user"], entry.actor["grant"]) == (maria.pk, grant.pk)


def test_it_is_over_after_an_hour_whatever_its_row_says(acme: Organization, maria: User, grant: Grant) -> None:
    break_in(acme, maria, grant)
    with all_rows():
        EmergencyAccess.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    assert role(maria, acme) == "viewer"
    with all_rows():
        long_ago = timezone.now() - dt.timedelta(hours=1, seconds=1)
        EmergencyAccess.objects.update(ends_at=timezone.now() + dt.timedelta(days=9), created_at=long_ago)
    assert role(maria, acme) == "viewer"


def test_what_is_opened_in_an_emergency_ends_with_it(acme: Organization, maria: User, grant: Grant) -> None:
    from organizations.standings import standing_of

    made = break_in(acme, maria, grant)
    with rls.acting_as(f"user:{maria.pk}"):
        assert standing_of(actor_for(maria), acme).ends_at == made.ends_at


@pytest.mark.parametrize("side", ["alice", "paula", "maria"])
def test_either_side_ends_it_and_the_edge_is_told(
    side: str, acme: Organization, alice: User, paula: User, maria: User, grant: Grant
) -> None:
    made = break_in(acme, maria, grant)
    actor = actor_for({"alice": alice, "paula": paula, "maria": maria}[side])
    with rls.acting_as(actor.rls_actor):
        emergency_access.end(by=actor, emergency=queries.emergency(actor, made.pk))
        emergency_access.end(by=actor, emergency=queries.emergency(actor, made.pk))
    assert role(maria, acme) == "viewer"
    with all_rows():
        fact = Message.objects.get(topic="organizations.emergency_access.ended")
    assert (fact.payload["user"], fact.payload["organizations"]) == (maria.pk, [acme.pk])


def test_nobody_else_ends_it(
    acme: Organization, msp: Organization, paula: User, bob: User, maria: User, mallory: User, grant: Grant
) -> None:
    adam = person("adam")
    join(msp, invited_by=paula, user=adam, role="operator")
    made = break_in(acme, maria, grant)
    for user, error in ((bob, Forbidden), (adam, Forbidden), (mallory, NotFound)):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor), pytest.raises(error):
            emergency_access.end(by=actor, emergency=queries.emergency(actor, made.pk))


def test_a_client_allows_none_unless_it_says_so(acme: Organization, alice: User, maria: User, grant: Grant) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        reviews.review(by=actor, grant=grant, role_ceiling="viewer", emergency_ceiling="")
    with pytest.raises(Conflict) as refusal:
        break_in(acme, maria, grant)
    assert refusal.value.code == "EMERGENCY_NOT_ALLOWED"


def test_a_client_that_changes_its_mind_or_withdraws_ends_it_at_once(
    acme: Organization, alice: User, maria: User, grant: Grant
) -> None:
    break_in(acme, maria, grant)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        reviews.review(by=actor, grant=grant, role_ceiling="viewer", emergency_ceiling="")
    assert role(maria, acme) == "viewer"
    with all_rows():
        assert Message.objects.filter(topic="organizations.grant.limited").exists()
        Grant.objects.filter(pk=grant.pk).update(emergency_ceiling="admin")
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=grant)
    assert role(maria, acme) is None
    with pytest.raises(Conflict):
        break_in(acme, maria, grant)


def test_who_may_not_break_in(
    acme: Organization,
    msp: Organization,
    rival: Organization,
    alice: User,
    paula: User,
    maria: User,
    mallory: User,
    grant: Grant,
) -> None:
    vic = person("vic")
    join(msp, invited_by=paula, user=vic, role="viewer")
    for user, error in ((vic, Forbidden), (alice, Conflict), (mallory, Conflict)):
        with pytest.raises(error):
            break_in(acme, user, grant)
    with pytest.raises(NotConfirmed):
        break_in(acme, maria, grant, confirmed=False)
    with pytest.raises(Forbidden):
        break_in(acme, maria, grant, kind="api_key", key_id="key_x", organization_id=msp.pk)
    with pytest.raises(Invalid) as refusal:
        break_in(acme, maria, grant, reason=" why ")
    assert refusal.value.field == "reason"


def test_one_person_has_one_emergency_in_a_client_at_a_time(acme: Organization, maria: User, grant: Grant) -> None:
    break_in(acme, maria, grant)
    with pytest.raises(Conflict) as refusal:
        break_in(acme, maria, grant)
    assert refusal.value.code == "EMERGENCY_GOES_ON"


def test_an_emergency_does_not_outlive_the_membership(acme: Organization, maria: User, grant: Grant) -> None:
    break_in(acme, maria, grant)
    with all_rows():
        Membership.objects.filter(user=maria).delete()
    assert role(maria, acme) is None


def test_the_pages_lead_from_the_choice_into_the_emergency_and_the_owner_ends_it(
    acme: Organization, alice: User, maria: User, grant: Grant
) -> None:
    browser = session_of(maria)
    assert "In an emergency" in browser.get(f"/o/{acme.pk}/work/").content.decode()
    page = f"/o/{acme.pk}/emergency/{grant.pk}/"
    assert "All owners of Acme get a mail now" in browser.get(page).content.decode()
    assert browser.post(page, {"reason": "fire"}).status_code == 422
    assert browser.post(page, {"reason": REASON})["Location"] == f"/o/{acme.pk}/"
    shown = browser.get(f"/o/{acme.pk}/members/").content.decode()
    assert "for Northwatch, as operator" in shown
    owner = session_of(alice)
    listed = owner.get(f"/o/{acme.pk}/access/").content.decode()
    assert "is here in an emergency" in listed
    assert REASON in listed
    with all_rows():
        made = EmergencyAccess.objects.get()
    assert owner.post(f"/o/{acme.pk}/emergencies/{made.pk}/end/")["Location"] == f"/o/{acme.pk}/access/"
    assert role(maria, acme) == "viewer"


def test_the_api_breaks_in_by_session_works_there_lists_and_ends(
    acme: Organization, alice: User, maria: User, grant: Grant
) -> None:
    browser, path = session_of(maria), f"/api/v1/organizations/{acme.pk}/emergencies"
    assert browser.get(f"/api/v1/organizations/{acme.pk}/members").json()["code"] == "CHOOSE_CLIENT"
    made = browser.post(path, {"grant": grant.pk, "reason": REASON}, content_type="application/json")
    assert made.status_code == 201
    assert browser.get(f"/api/v1/organizations/{acme.pk}/members").status_code == 200
    begun = [entry.action for entry in audited(acme.pk)[-2:]]
    assert begun == ["organizations.emergency_access.begin", "organizations.work.begin"]
    owner = session_of(alice)
    assert owner.get(path).json()["results"][0]["reason"] == REASON
    assert owner.delete(f"/api/v1/emergencies/{made.json()['id']}").status_code == 204
