"""Pages of sign-in and what a session is good for until it ends."""

import pytest

from controlplane.models import Message
from organizations.models import Connection, Membership, Organization, User
from tests.database import all_rows
from tests.organizations.conftest import Browser
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp


def test_the_sign_in_page_offers_the_platform_and_the_organizations_own(
    visitor: Browser, platform_idp: OidcIdp
) -> None:
    page = visitor.get("/sign-in/").content.decode()
    assert 'action="/sso/platform/"' in page
    assert 'name="address"' in page


def test_without_a_platform_provider_its_button_is_not_there(visitor: Browser) -> None:
    assert 'action="/sso/platform/"' not in visitor.get("/sign-in/").content.decode()
    assert visitor.post("/sso/platform/").status_code == 403


def test_a_header_beside_the_session_makes_nobody_of_whoever_is_signed_in(
    visitor: Browser, platform_idp: OidcIdp
) -> None:
    visitor.through_oidc(platform_idp)
    answer = visitor.get("/account/", headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/account/")
    assert visitor.get("/account/").status_code == 200


def test_forms_may_lead_to_the_providers_of_their_page_and_nowhere_else(
    visitor: Browser, platform_idp: OidcIdp, pending: Connection
) -> None:
    own = visitor.get(f"/sso/{pending.pk}/")["Content-Security-Policy"]
    assert "form-action 'self' https://idp.example" in own
    assert "https://login.example" in visitor.get("/sign-in/")["Content-Security-Policy"]
    assert "login.example" not in own


def test_a_sign_in_address_leads_to_its_page_whether_or_not_it_exists(visitor: Browser, pending: Connection) -> None:
    for address in (pending.pk, f"http://testserver/sso/{pending.pk}/", "conn_" + "a" * 20):
        answer = visitor.post("/sign-in/", {"address": address})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sso/conn_")


@pytest.mark.parametrize("address", ["", "acme", "conn_", "https://mallory.example/"])
def test_what_is_no_sign_in_address_reads_the_same_for_everybody(visitor: Browser, address: str) -> None:
    answer = visitor.post("/sign-in/", {"address": address})
    assert answer.status_code == 400
    assert answer.context["form"].errors["address"]


def test_a_device_remembers_the_organization_it_signed_in_to(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    visitor.post("/sign-out/")
    assert pending.organization.name in visitor.get("/sign-in/").content.decode()
    visitor.cookies["connection"] = pending.pk
    assert visitor.get("/sign-in/").status_code == 200


def test_signing_out_ends_the_session_and_publishes_it_for_every_organization_it_had_proven(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    session_id, user_id = visitor.session["session_id"], visitor.session["_auth_user_id"]
    assert visitor.post("/sign-out/")["Location"] == "/sign-in/"
    assert not visitor.is_signed_in
    with all_rows():
        (fact,) = Message.objects.filter(topic="organizations.session.ended")
    assert fact.payload["session"] == session_id
    assert fact.payload["user"] == user_id
    assert fact.payload["organizations"] == [pending.organization_id]


def test_signing_out_without_a_session_is_no_error(visitor: Browser) -> None:
    assert visitor.post("/sign-out/").status_code == 302
    assert visitor.get("/sign-out/").status_code == 405


def test_the_public_session_id_is_not_the_cookie(visitor: Browser, saml_idp: SamlIdp, pending: Connection) -> None:
    visitor.through_saml(saml_idp, pending)
    assert visitor.session["session_id"].startswith("ses_")
    assert visitor.session["session_id"] != visitor.session.session_key


def test_a_session_loses_an_organization_with_the_membership(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    address = f"/api/v1/organizations/{pending.organization_id}"
    assert visitor.get(address).status_code == 200
    with all_rows():
        Membership.objects.all().delete()
    assert visitor.get(address).status_code == 404


def test_a_tampered_session_proves_nothing(visitor: Browser, saml_idp: SamlIdp, pending: Connection) -> None:
    visitor.through_saml(saml_idp, pending)
    for proofs in ("rubbish", None, [], {"conn_" + "a" * 20: 99999999999}):
        session = visitor.session
        session["proofs"] = proofs
        session.save()
        assert visitor.get(f"/api/v1/organizations/{pending.organization_id}").status_code == 403


def test_a_stranger_is_not_led_to_the_sign_in_of_an_organization(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp, pending: Connection, platform_idp: OidcIdp
) -> None:
    """Being led there would tell that the organization exists."""
    another_visitor.through_oidc(platform_idp)
    for organization_id in (pending.organization_id, "org_" + "a" * 20):
        assert another_visitor.get(f"/sso/enter/{organization_id}/").status_code == 404
        assert another_visitor.get(f"/o/{organization_id}/members/").status_code == 404


def test_an_invitation_is_taken_up_on_the_page_by_the_platforms_sign_in_only(
    visitor: Browser, platform_idp: OidcIdp, acme: Organization, alice: User
) -> None:
    from controlplane import rls
    from organizations.actions import invitations
    from tests.cast import actor_for

    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        invitation = invitations.invite(by=actor, organization=acme, email="new@example.test", role="viewer")
    address = f"/invitations/{invitation.pk}/accept/"
    assert visitor.post(address).status_code == 403
    platform_idp.person = {"sub": "new", "email": "new@example.test", "email_verified": True}
    visitor.through_oidc(platform_idp)
    assert "Acme" in visitor.get("/sign-up/").content.decode()
    assert visitor.post(address)["Location"] == f"/o/{acme.pk}/"
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").json()["role"] == "viewer"
