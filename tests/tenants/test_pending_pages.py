"""Pages say what the edge has yet to confirm, and stop saying so by themselves."""

import httpx
import pytest
from django.utils import timezone

from controlplane import outbox, rls
from organizations.actions import members
from organizations.models import Membership
from tenants.enrollment.tokens import actions
from tests.cast import actor_for, session_of
from tests.tenants.conftest import deliver
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(running, alice):
    """Reads pages of the running tenant as alice."""
    browser = session_of(alice)
    return lambda rest: browser.get(f"/t/{running.pk}/{rest}").content.decode()


def revoke(token, alice_acts) -> None:
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=token)


def end_session(organization_id: str) -> None:
    payload = {"before": timezone.now().isoformat(), "organizations": [organization_id], "session": "ses_x"}
    with rls.acting_as(f"org:{organization_id}"):
        outbox.publish("organizations.session.ended", key="k", organization_id=organization_id, payload=payload)


def test_a_new_token_says_that_the_edge_has_not_confirmed_it_until_it_has(make_token, pages, edge):
    token, _ = make_token()
    assert "pending at the edge" in pages("tokens/")
    assert "The edge has not confirmed this token yet" in pages(f"tokens/{token.pk}/")
    assert 'hx-select="#edge-note"' in pages(f"tokens/{token.pk}/")
    deliver()
    assert "pending at the edge" not in pages("tokens/")
    assert "has not confirmed" not in pages(f"tokens/{token.pk}/")
    assert 'hx-select="#edge-note"' not in pages(f"tokens/{token.pk}/")


def test_a_revoked_token_says_that_it_may_still_let_machines_in_until_the_edge_has_confirmed(
    make_token, pages, edge, alice_acts
):
    token, _ = make_token()
    deliver()
    revoke(token, alice_acts)
    for _ in range(4):
        edge.fail_next("/tokens/", httpx.ConnectError("away"))
    deliver()
    assert "revocation pending at the edge" in pages("tokens/")
    assert "may still let machines in" in pages(f"tokens/{token.pk}/")
    deliver()
    assert "revocation pending" not in pages("tokens/")
    assert "may still let machines in" not in pages(f"tokens/{token.pk}/")


def test_a_token_that_the_edge_refused_says_why_and_offers_no_installer(make_token, pages, edge):
    token, _ = make_token()
    edge.fail_next("/tokens/", refusal(409, "TOKEN_CONFLICT"))
    deliver()
    assert "refused by the edge" in pages("tokens/")
    page = pages(f"tokens/{token.pk}/")
    assert "TOKEN_CONFLICT was met." in page
    assert 'id="arrivals"' not in page
    assert 'hx-select="#edge-note"' not in page


def test_ended_access_is_listed_with_whether_the_edge_has_confirmed_it(pages, edge, acme):
    assert "Nothing had to be ended yet" in pages("access/")
    end_session(acme.pk)
    for _ in range(4):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    assert "Pending at the edge" in pages("access/")
    assert "The edge has yet to confirm 1 of these" in pages("access/")
    deliver()
    assert "Confirmed" in pages("access/")
    assert "Pending at the edge" not in pages("access/")
    assert "One session or API key" in pages("access/")


def test_ended_access_of_a_person_names_them(pages, edge, acme, bob):
    payload = {"before": timezone.now().isoformat(), "organizations": [acme.pk], "user": bob.pk}
    with rls.acting_as(f"org:{acme.pk}"):
        outbox.publish("organizations.membership.ended", key="k", organization_id=acme.pk, payload=payload)
    deliver()
    assert "Bob" in pages("access/")


def test_the_members_page_says_that_somebody_who_left_may_still_be_inside(running, edge, acme, alice, bob, alice_acts):
    browser, path = session_of(alice), f"/o/{acme.pk}/members/"
    assert "Pending at the edge" not in browser.get(path).content.decode()
    with rls.acting_as(alice_acts.rls_actor):
        leaving = Membership.objects.get(user=bob, organization=acme)
        members.remove(by=alice_acts, organization=acme, membership_id=leaving.pk)
    for _ in range(8):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    assert "Pending at the edge: 1 change." in browser.get(path).content.decode()
    edge.failures.clear()
    deliver()
    assert "Pending at the edge" not in browser.get(path).content.decode()


def test_an_msps_members_page_counts_what_is_pending_at_its_clients(running, edge, msp, paula, maria):
    browser, path, actor = session_of(paula), f"/o/{msp.pk}/members/", actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        leaving = Membership.objects.get(user=maria, organization=msp)
        members.remove(by=actor, organization=msp, membership_id=leaving.pk)
    for _ in range(8):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    assert "Pending at the edge: 1 change." in browser.get(path).content.decode()
