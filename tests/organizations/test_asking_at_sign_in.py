"""Asking to join at the organization's own sign-in, where nobody joins by themselves."""

from typing import Any

import pytest

from organizations.models import Connection, Domain, JoinRequest, Organization, User
from tests.database import all_rows
from tests.organizations.conftest import Browser, refusals
from tests.organizations.join_steps import ANN, ann, approve, decline, domain, own, subjects, use
from tests.organizations.oidc_idp import OidcIdp

__all__ = ["ann", "domain", "own"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stranger_whom_the_connection_proves_is_led_to_ask_in_place_of_a_dead_end(
    visitor: Browser, acme: Organization, alice: User, own: Connection, own_idp: OidcIdp
) -> None:
    address = f"/sso/{own.pk}/ask/"
    assert visitor.through_oidc(own_idp, own.pk)["Location"] == address
    assert not visitor.is_signed_in
    assert "Ask to join Acme" in visitor.get(address).content.decode()
    assert refusals(acme.pk) == ["NOT_A_MEMBER"]
    with all_rows():
        assert not User.objects.filter(email=ANN).exists()

    assert visitor.post(address)["Location"] == address
    assert "You have asked" in visitor.get(address).content.decode()
    assert "Ann asks to join Acme" in subjects(alice.email)
    with all_rows():
        request = JoinRequest.objects.get()
    approve(alice, acme, request, "operator")
    assert subjects(ANN) == ["You belong to Acme now"]
    assert Browser().through_oidc(own_idp, own.pk)["Location"] == f"/o/{acme.pk}/"


def test_who_was_declined_reads_so_at_the_next_sign_in(
    visitor: Browser, acme: Organization, alice: User, own: Connection, own_idp: OidcIdp
) -> None:
    visitor.through_oidc(own_idp, own.pk)
    visitor.post(f"/sso/{own.pk}/ask/")
    with all_rows():
        request = JoinRequest.objects.get()
    decline(alice, acme, request)
    again = Browser()
    again.through_oidc(own_idp, own.pk)
    assert "Your request was declined" in again.get(f"/sso/{own.pk}/ask/").content.decode()
    assert again.post(f"/sso/{own.pk}/ask/").status_code == 409


@pytest.mark.parametrize(
    "said",
    [
        {"email": "ann@rival.example"},
        {"email": "ann@mail.acme.example"},
        {"email": ANN, "email_verified": False},
    ],
)
def test_the_connection_opens_no_request_for_an_address_that_proves_nothing(
    visitor: Browser, acme: Organization, own: Connection, own_idp: OidcIdp, said: dict[str, Any]
) -> None:
    own_idp.person = {"sub": "ann", **said}
    assert visitor.through_oidc(own_idp, own.pk).status_code == 403
    assert visitor.post(f"/sso/{own.pk}/ask/")["Location"] == f"/sso/{own.pk}/"
    with all_rows():
        assert not JoinRequest.objects.exists()


def test_the_dead_end_stays_where_the_organization_takes_no_requests(
    visitor: Browser, acme: Organization, alice: User, domain: Domain, own: Connection, own_idp: OidcIdp
) -> None:
    use(alice, acme, domain, join_requests=False)
    assert visitor.through_oidc(own_idp, own.pk).status_code == 403


def test_asking_by_a_connection_never_takes_over_an_account_that_exists(
    visitor: Browser, acme: Organization, own: Connection, own_idp: OidcIdp, ann: User
) -> None:
    """The attack: Acme's provider says the address of somebody who has an account, and asks in their name."""
    visitor.through_oidc(own_idp, own.pk)
    assert visitor.post(f"/sso/{own.pk}/ask/").status_code == 403
    with all_rows():
        assert not JoinRequest.objects.exists()
        assert User.objects.filter(email=ANN).count() == 1


def test_nobody_asks_in_a_browser_that_the_connection_has_not_proven(
    visitor: Browser, another_visitor: Browser, own: Connection, own_idp: OidcIdp
) -> None:
    visitor.through_oidc(own_idp, own.pk)
    for browser in (another_visitor, Browser()):
        assert browser.get(f"/sso/{own.pk}/ask/")["Location"] == f"/sso/{own.pk}/"
        assert browser.post(f"/sso/{own.pk}/ask/")["Location"] == f"/sso/{own.pk}/"
    session = visitor.session
    session["may_ask_to_join"] = {**session["may_ask_to_join"], "at": session["may_ask_to_join"]["at"] - 1801}
    session.save()
    assert visitor.post(f"/sso/{own.pk}/ask/")["Location"] == f"/sso/{own.pk}/"
    with all_rows():
        assert not JoinRequest.objects.exists()


def test_a_connection_that_is_switched_off_meanwhile_takes_no_request(
    visitor: Browser, own: Connection, own_idp: OidcIdp
) -> None:
    visitor.through_oidc(own_idp, own.pk)
    with all_rows():
        Connection.objects.update(state="disabled")
    assert visitor.get(f"/sso/{own.pk}/ask/").status_code == 404
    assert visitor.post(f"/sso/{own.pk}/ask/").status_code == 404
