"""A technician leaves everywhere in one action: said before, done at once, and told by a receipt that is kept."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, NotFound
from fleet.offboarding import confirmed_by_edge
from organizations import queries
from organizations.access import NotConfirmed
from organizations.actions import access_requests, emergency_access, invitations, keys, offboarding
from organizations.models import (
    AccessRequest,
    ApiKey,
    EmergencyAccess,
    Grant,
    Invitation,
    Membership,
    Offboarding,
    Organization,
    User,
)
from tenants.access.models import Revocation
from tests.cast import actor_for, join, person, role_of, session_of
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.organizations.conftest import audited


@pytest.fixture
def tina(msp: Organization, acme: Organization, paula: User) -> User:
    """An administrator of Northwatch with everything that somebody can leave behind."""
    tina = person("tina")
    join(msp, invited_by=paula, user=tina, role="admin")
    return tina


def membership_of(user: User, organization: Organization) -> Membership:
    with all_rows():
        return Membership.objects.get(user=user, organization=organization)


def everything_of(tina: User, msp: Organization, acme: Organization) -> None:
    """A key, an invitation, a request, an emergency and a membership in the client."""
    with all_rows():
        Grant.objects.filter(client=acme).update(role_ceiling="admin", emergency_ceiling="admin")
        Membership.objects.create(user=tina, organization=acme, role="operator")
    actor = actor_for(tina)
    with rls.acting_as(actor.rls_actor):
        keys.create(by=actor, organization=msp, name="Night", scopes=["tenant.view"], expires_in=dt.timedelta(days=9))
        invitations.invite(by=actor, organization=msp, email="friend@example.test", role="viewer")
        access_requests.ask(by=actor, msp=msp, role_ceiling="viewer", email="owner@example.test")
        grant = Grant.objects.get(client=acme)
        emergency_access.begin(by=actor, client=acme, grant_id=grant.pk, reason="Everything is on fire")


def offboard(msp: Organization, by: User, user: User) -> Offboarding:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return offboarding.offboard(by=actor, msp=msp, membership_id=membership_of(user, msp).pk)


def test_what_is_said_before_is_what_is_closed(acme: Organization, msp: Organization, paula: User, tina: User) -> None:
    everything_of(tina, msp, acme)
    session_of(tina)
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        plan = offboarding.preview(by=actor, msp=msp, membership_id=membership_of(tina, msp).pk)
    kinds = [item.kind for item in plan.closes]
    assert kinds == [
        "membership",
        "sessions",
        "client",
        "api_key",
        "invitation",
        "access_request",
        "emergency",
        "client_membership",
    ]
    assert plan.keeps == []
    receipt = offboard(msp, paula, tina)
    assert [item["kind"] for item in receipt.closed] == kinds
    with all_rows():
        assert not Membership.objects.filter(user=tina).exists()
        assert not ApiKey.objects.filter(owner=tina, revoked_at=None).exists()
        assert not Invitation.objects.filter(invited_by=tina).exists()
        assert AccessRequest.objects.get(made_by=tina).state == "withdrawn"
        assert not EmergencyAccess.objects.filter(EmergencyAccess.running(), user=tina).exists()
    with rls.acting_as(f"user:{tina.pk}"):
        assert role_of(actor_for(tina), acme) is None


def test_both_trails_tell_it_and_the_clients_names_the_msp(
    acme: Organization, msp: Organization, paula: User, tina: User
) -> None:
    everything_of(tina, msp, acme)
    receipt = offboard(msp, paula, tina)
    ended = next(entry for entry in audited(acme.pk) if entry.action == "organizations.membership.end")
    assert (ended.actor["user"], ended.actor["msp"]) == (paula.pk, msp.pk)
    assert ended.data["offboarding"] == receipt.pk
    assert audited(msp.pk)[-1].action == "organizations.offboarding.create"
    with all_rows():
        topics = set(Message.objects.values_list("topic", flat=True))
    assert {"organizations.membership.ended", "organizations.api_key.revoked"} <= topics
    assert "organizations.emergency_access.ended" in topics


def test_a_membership_that_the_client_does_not_let_the_msp_end_is_said_to_stay(
    acme: Organization, msp: Organization, paula: User, tina: User
) -> None:
    with all_rows():
        Membership.objects.create(user=tina, organization=acme, role="viewer")
    receipt = offboard(msp, paula, tina)
    assert [(item["kind"], item["name"]) for item in receipt.kept] == [("client_membership", "Acme")]
    assert "tell its owners" in receipt.kept[0]["detail"]
    assert membership_of(tina, acme).role == "viewer"


def test_a_clients_last_owner_stays(acme: Organization, msp: Organization, paula: User, tina: User) -> None:
    with all_rows():
        Grant.objects.filter(client=acme).update(role_ceiling="owner")
        Membership.objects.filter(organization=acme, role="owner").delete()
        Membership.objects.create(user=tina, organization=acme, role="owner")
    assert "last owner" in offboard(msp, paula, tina).kept[0]["detail"]
    assert membership_of(tina, acme).role == "owner"


def test_what_they_have_elsewhere_stays(
    acme: Organization, msp: Organization, rival: Organization, paula: User, mallory: User, tina: User
) -> None:
    join(rival, invited_by=mallory, user=tina, role="admin")
    offboard(msp, paula, tina)
    assert membership_of(tina, rival).role == "admin"
    with all_rows():
        tina.refresh_from_db()
    assert tina.is_active


def test_nobody_offboards_themselves_the_last_owner_or_whoever_can_do_more(
    acme: Organization, msp: Organization, paula: User, maria: User, alice: User, mallory: User, tina: User
) -> None:
    for by, user, error in (
        (paula, paula, Conflict),
        (tina, paula, Forbidden),
        (maria, tina, Forbidden),
        (alice, tina, NotFound),
        (mallory, tina, NotFound),
    ):
        with pytest.raises(error):
            offboard(msp, by, user)
    stale = replace(actor_for(paula), confirmed=False)
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        offboarding.offboard(by=stale, msp=msp, membership_id=membership_of(tina, msp).pk)


def test_if_one_part_fails_nothing_is_done(
    acme: Organization, msp: Organization, paula: User, tina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_of(tina, msp, acme)

    def fail(**_: object) -> None:
        raise RuntimeError("the last step")

    monkeypatch.setattr(offboarding.memberships, "end", fail)
    with pytest.raises(RuntimeError):
        offboard(msp, paula, tina)
    with all_rows():
        assert not Offboarding.objects.exists()
        assert Invitation.objects.filter(invited_by=tina).exists()
        assert EmergencyAccess.objects.filter(EmergencyAccess.running(), user=tina).exists()


@pytest.mark.django_db(transaction=True)
def test_the_receipt_shows_what_the_edge_confirmed(acme, msp, alice, paula, tina, give_tenant, edge) -> None:
    give_tenant(acme, alice, "Office")
    while deliver_due():
        continue
    receipt, actor = offboard(msp, paula, tina), actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        before = confirmed_by_edge(actor, msp, receipt)
    assert not before.is_done
    while deliver_due():
        continue
    with all_rows():
        assert Revocation.objects.filter(terms__subject=tina.pk, acknowledged_at__isnull=False).exists()
    with rls.acting_as(actor.rls_actor):
        after = confirmed_by_edge(actor, msp, receipt)
    assert (after.asked, after.confirmed, after.is_done) == (1, 1, True)


def test_the_pages_preview_do_and_keep_the_receipt(
    acme: Organization, msp: Organization, paula: User, maria: User, tina: User
) -> None:
    everything_of(tina, msp, acme)
    browser, page = session_of(paula), f"/o/{msp.pk}/members/{membership_of(tina, msp).pk}/offboard/"
    assert page in browser.get(f"/o/{msp.pk}/members/").content.decode()
    shown = browser.get(page).content.decode()
    assert "Night" in shown
    assert "friend@example.test" in shown
    done = browser.post(page)
    receipt = browser.get(done["Location"]).content.decode()
    assert "Tina has left" in receipt
    assert "Tina" in browser.get(f"/o/{msp.pk}/offboardings/").content.decode()
    assert session_of(maria).get(done["Location"]).status_code == 403
    assert browser.get(page).status_code == 404


def test_the_api_previews_does_and_reads_it(acme: Organization, msp: Organization, paula: User, tina: User) -> None:
    browser, path = (
        session_of(paula),
        f"/api/v1/organizations/{msp.pk}/members/{membership_of(tina, msp).pk}/offboarding",
    )
    assert browser.get(path).json()["closes"][0]["kind"] == "membership"
    made = browser.post(path, content_type="application/json")
    assert made.status_code == 201
    assert browser.get(made["Location"]).json()["edge"]["asked"] == 0


def test_a_receipt_is_the_msps_own(acme: Organization, msp: Organization, paula: User, alice: User, tina: User) -> None:
    receipt = offboard(msp, paula, tina)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        queries.offboarding(actor, msp, receipt.pk)
    assert receipt.created_at <= timezone.now()
