"""A member ties a sign-in of the organization's own identity provider to their account."""

import time

import pytest
from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from organizations.actions import connections
from organizations.models import Connection
from organizations.sso.oidc.provider import discover
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_saml, audited, by_session, link, refusals
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import Asked, SamlIdp


def test_a_member_ties_a_sign_in_and_then_comes_in_by_it(alice_by_platform: Browser, saml_idp: SamlIdp) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    assert link(alice_by_platform, saml_idp, own).status_code == 302
    person = alice_by_platform.session["_auth_user_id"]
    later = Browser()
    assert later.through_saml(saml_idp, own)["Location"] == f"/o/{own.organization_id}/"
    assert later.session["_auth_user_id"] == person
    actions = [entry.action for entry in audited(own.organization_id)]
    assert actions[-2:] == ["organizations.identity.link", "organizations.session.begin"]


def test_tying_needs_a_fresh_sign_in(alice_by_platform: Browser, saml_idp: SamlIdp) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    session = alice_by_platform.session
    session["proofs"] = {"platform": session["proofs"]["platform"] - 700}
    session.save()
    assert alice_by_platform.post(f"/sso/{own.pk}/link/")["Location"] == "/confirm/?next=%2F&for=account"


def test_a_stranger_can_not_tie_themselves(
    alice_by_platform: Browser, saml_idp: SamlIdp, platform_idp: OidcIdp
) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    mallory = Browser()
    platform_idp.person = {"sub": "mallory", "email": "mallory@example.test", "email_verified": True}
    mallory.through_oidc(platform_idp)
    assert mallory.post(f"/sso/{own.pk}/link/").status_code == 404
    assert Browser().post(f"/sso/{own.pk}/link/").status_code == 404


def test_a_link_is_not_finished_for_somebody_else(
    alice_by_platform: Browser, saml_idp: SamlIdp, platform_idp: OidcIdp
) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    asked = Asked.of(alice_by_platform.begin(f"/sso/{own.pk}/link/"))
    session = alice_by_platform.session
    for attempt in session["sign_in_attempts"].values():
        attempt["details"] = {"user": "usr_somebodyelse"}
    session.save()
    answer = Browser().post(f"/sso/saml/{own.pk}/acs/", {"SAMLResponse": saml_idp.answer(asked)})
    assert alice_by_platform.come_back(answer).status_code == 403
    assert refusals(own.organization_id) == ["LINK_INTERRUPTED"]


def test_a_tied_sign_in_belongs_to_one_person(alice_by_platform: Browser, saml_idp: SamlIdp) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    link(alice_by_platform, saml_idp, own)
    assert link(alice_by_platform, saml_idp, own, uid="another").status_code == 403
    assert refusals(own.organization_id) == ["ALREADY_LINKED"]


def test_an_organizations_sign_in_opens_that_organization_only(
    alice_by_platform: Browser, saml_idp: SamlIdp, platform_idp: OidcIdp
) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    link(alice_by_platform, saml_idp, own)
    alice_by_platform.post("/sign-up/", {"name": "Second", "kind": "organization"})
    later = Browser()
    later.through_saml(saml_idp, own)
    seen = [row["id"] for row in later.get("/api/v1/organizations").json()["results"]]
    assert seen == [own.organization_id]


@pytest.mark.parametrize("authenticated", [-3600, 3600], ids=["long ago", "not yet"])
def test_the_saml_provider_has_to_authenticate_the_person_again(
    alice_by_platform: Browser, saml_idp: SamlIdp, authenticated: int
) -> None:
    """The attack: mallory sits down at a browser in which somebody is still signed in at the identity provider."""
    own = add_saml(alice_by_platform, saml_idp)
    assert link(alice_by_platform, saml_idp, own, authenticated=authenticated).status_code == 403
    assert refusals(own.organization_id) == ["SAML_NOT_FRESH"]


def test_an_ordinary_sign_in_may_rest_on_the_providers_own_session(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    assert visitor.through_saml(saml_idp, pending, authenticated=-3600).status_code == 302


@pytest.mark.parametrize(("auth_time", "status"), [(0, 302), (-3600, 403), (None, 403), ("now", 403)])
def test_the_openid_provider_has_to_authenticate_the_person_again(
    alice_by_platform: Browser, own_idp: OidcIdp, auth_time: int | str | None, status: int
) -> None:
    actor, organization = by_session(alice_by_platform)
    with rls.acting_as(actor.rls_actor):
        own = connections.add_oidc(
            by=actor,
            organization=organization,
            name="Own",
            provider=discover(own_idp.issuer),
            client_id=own_idp.client_id,
            client_secret=own_idp.client_secret,
        )
    location = alice_by_platform.begin(f"/sso/{own.pk}/link/")
    said = int(time.time()) + auth_time if isinstance(auth_time, int) else auth_time
    own_idp.claims = {"auth_time": said}
    answer = alice_by_platform.get(f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(location)}")
    assert answer.status_code == status
    assert (own_idp.asked["prompt"], own_idp.asked["max_age"]) == ("login", "0")


def test_nothing_is_tied_by_a_connection_that_was_switched_off_meanwhile(
    alice_by_platform: Browser, saml_idp: SamlIdp
) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    asked = Asked.of(alice_by_platform.begin(f"/sso/{own.pk}/link/"))
    with all_rows():
        Connection.objects.update(state=Connection.State.DISABLED)
    answer = Browser().post(f"/sso/saml/{own.pk}/acs/", {"SAMLResponse": saml_idp.answer(asked)})
    assert alice_by_platform.come_back(answer).status_code == 403
    assert refusals(own.organization_id) == ["CONNECTION_DISABLED"]
    with all_rows():
        assert not SocialAccount.objects.filter(provider=own.provider_id).exists()
