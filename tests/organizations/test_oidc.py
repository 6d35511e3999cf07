"""Sign-in and sign-up through the platform's OpenID provider."""

from typing import Any

import pytest

from organizations.models import Membership, Organization, User
from tests.database import all_rows
from tests.organizations.conftest import Browser, audited, refusals
from tests.organizations.oidc_idp import OidcIdp


def found(visitor: Browser, idp: OidcIdp, name: str = "Acme", kind: str = "organization", **changes: str) -> Any:
    """Signs up by the form and the provider; returns the last answer."""
    location = visitor.begin("/sign-up/", name=name, kind=kind)
    return visitor.get(f"/sso/oidc/platform/callback/?{idp.authorize(location, **changes)}")


def test_sign_up_makes_the_person_the_organization_and_its_owner(visitor: Browser, platform_idp: OidcIdp) -> None:
    answer = found(visitor, platform_idp, "Northwatch", "msp")
    with all_rows():
        owner = Membership.objects.select_related("organization", "user").get()
    assert answer["Location"] == f"/o/{owner.organization_id}/"
    assert (owner.role, owner.organization.kind, owner.organization.state) == ("owner", "msp", "active")
    assert (owner.user.email, owner.user.email_verified, owner.user.name) == ("alice@example.test", True, "Alice")
    assert visitor.get("/api/v1/organizations").json()["results"][0]["role"] == "owner"


def test_the_request_carries_pkce_state_and_nonce_and_the_code_its_verifier(
    visitor: Browser, platform_idp: OidcIdp
) -> None:
    visitor.through_oidc(platform_idp)
    asked = platform_idp.asked
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("code_challenge", "state", "nonce")) >= 43
    assert asked["redirect_uri"] == "http://testserver/sso/oidc/platform/callback/"
    assert platform_idp.seen[0]["code_verifier"] not in str(asked)
    assert platform_idp.seen[0]["authorization"].startswith("Basic ")


def test_a_person_comes_back_as_themselves_and_may_own_several_organizations(
    visitor: Browser, platform_idp: OidcIdp
) -> None:
    found(visitor, platform_idp)
    visitor.post("/sign-out/")
    visitor.through_oidc(platform_idp)
    answer = visitor.post("/sign-up/", {"name": "Second", "kind": "organization"})
    assert answer.status_code == 302
    with all_rows():
        assert (User.objects.count(), Organization.objects.count()) == (1, 2)


@pytest.mark.parametrize("signed_in", [True, False])
def test_where_data_lie_is_chosen_at_sign_up_and_told_in_the_trail(
    visitor: Browser, platform_idp: OidcIdp, signed_in: bool
) -> None:
    form = {"name": "Second", "kind": "organization", "jurisdiction": "eu"}
    if signed_in:
        visitor.through_oidc(platform_idp)
        visitor.post("/sign-up/", form)
    else:
        location = visitor.begin("/sign-up/", **form)
        visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    with all_rows():
        second = Organization.objects.get(name="Second")
    assert second.jurisdiction == "eu"
    (made,) = [each for each in audited(second.pk) if each.action == "organizations.organization.create"]
    assert made.data["jurisdiction"] == "eu"
    assert "jurisdiction" in visitor.post("/sign-up/", {**form, "jurisdiction": "mars"}).context["form"].errors


def test_signing_in_makes_no_organization(visitor: Browser, platform_idp: OidcIdp) -> None:
    assert visitor.through_oidc(platform_idp)["Location"] == "/"
    assert visitor.is_signed_in
    with all_rows():
        assert not Organization.objects.exists()


def test_next_leads_to_the_page_that_was_asked_for(visitor: Browser, platform_idp: OidcIdp) -> None:
    location = visitor.begin("/sso/platform/", next="/sign-up/?kind=msp")
    answer = visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    assert answer["Location"] == "/sign-up/?kind=msp"


@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_only_a_verified_address_is_taken(visitor: Browser, platform_idp: OidcIdp, said: Any) -> None:
    platform_idp.person["email_verified"] = said
    assert visitor.through_oidc(platform_idp).status_code == 403
    assert refusals("platform") == ["EMAIL_UNVERIFIED"]


DEEP = b"[" * 200_000


@pytest.mark.parametrize("path", ["/token", "/jwks", "/userinfo"])
@pytest.mark.parametrize("body", [DEEP, b"\xff", b"[]", b'{"keys": [{"kid": "k1", "kty": "RSA", "n": 7}]}', b""])
def test_a_broken_answer_of_the_provider_is_a_page(
    visitor: Browser, platform_idp: OidcIdp, path: str, body: bytes
) -> None:
    platform_idp.raw[path] = body
    assert visitor.through_oidc(platform_idp).status_code == 403
    assert refusals("platform")


def test_a_broken_discovery_document_is_a_page(visitor: Browser, platform_idp: OidcIdp) -> None:
    platform_idp.raw["/.well-known/openid-configuration"] = DEEP
    assert visitor.post("/sso/platform/").status_code == 403


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        "no-address",
        7,
        "a" * 260 + "@example.test",
        "a\0@example.test",
        "\ud800@example.test",
        "ali\u017fe@example.test",
        "\u212ai@example.test",
    ],
    ids=lambda email: ascii(email)[:30],
)
def test_an_address_that_is_none_is_refused(visitor: Browser, platform_idp: OidcIdp, email: Any) -> None:
    platform_idp.person["email"] = email
    assert visitor.through_oidc(platform_idp).status_code == 403


def test_an_answer_without_a_sign_in_of_this_browser_is_refused(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    """The attack: mallory lets the victim's browser finish the sign-in that mallory began."""
    query = platform_idp.authorize(another_visitor.begin("/sso/platform/"))
    assert visitor.get(f"/sso/oidc/platform/callback/?{query}").status_code == 403
    assert refusals("platform") == ["OIDC_NOT_BEGUN_HERE"]


def test_an_answer_counts_once(visitor: Browser, platform_idp: OidcIdp) -> None:
    query = platform_idp.authorize(visitor.begin("/sso/platform/"))
    assert visitor.get(f"/sso/oidc/platform/callback/?{query}").status_code == 302
    assert visitor.get(f"/sso/oidc/platform/callback/?{query}").status_code == 403


def test_a_stolen_code_is_worth_nothing_with_another_verifier(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    mallorys = platform_idp.authorize(another_visitor.begin("/sso/platform/"))
    platform_idp.authorize(visitor.begin("/sso/platform/"))
    assert another_visitor.get(f"/sso/oidc/platform/callback/?{mallorys}").status_code == 403


def test_an_answer_that_names_another_issuer_is_refused(visitor: Browser, platform_idp: OidcIdp) -> None:
    assert visitor.through_oidc(platform_idp, iss="https://mallory.example").status_code == 403


@pytest.mark.parametrize(
    "query", ["", "?state=x", "?state=&code=", "?state=%F0%9F%98%80&code=1", "?error=access_denied"]
)
def test_an_answer_of_rubbish_is_a_page_and_no_500(visitor: Browser, platform_idp: OidcIdp, query: str) -> None:
    assert visitor.get(f"/sso/oidc/platform/callback/{query}").status_code == 403


def test_a_person_who_says_no_at_the_provider_gets_a_page(visitor: Browser, platform_idp: OidcIdp) -> None:
    answer = visitor.through_oidc(platform_idp, error="access_denied", code="")
    assert answer.status_code == 403
    assert refusals("platform") == ["OIDC_DENIED"]


def test_a_sign_in_that_took_too_long_is_refused(visitor: Browser, platform_idp: OidcIdp) -> None:
    query = platform_idp.authorize(visitor.begin("/sso/platform/"))
    session = visitor.session
    for attempt in session["sign_in_attempts"].values():
        attempt["begun_at"] -= 601
    session.save()
    assert visitor.get(f"/sso/oidc/platform/callback/?{query}").status_code == 403


def test_another_identity_with_the_same_verified_address_is_not_joined(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    visitor.through_oidc(platform_idp)
    platform_idp.person["sub"] = "somebody-else"
    assert another_visitor.through_oidc(platform_idp).status_code == 403
    assert refusals("platform") == ["IDENTITY_CLASH"]


def test_a_person_who_was_switched_off_does_not_come_in(visitor: Browser, platform_idp: OidcIdp) -> None:
    visitor.through_oidc(platform_idp)
    with all_rows():
        User.objects.update(is_active=False)
    assert not visitor.get("/api/v1/organizations").json().get("results")
    assert Browser().through_oidc(platform_idp).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://mallory.example"},
        {"token_endpoint": "https://inside.example/token"},
        {"jwks_uri": "http://login.example/jwks"},
        {"userinfo_endpoint": None},
        {"token_endpoint": ["a"]},
    ],
)
def test_a_discovery_document_that_can_not_be_right_is_a_page(
    visitor: Browser, platform_idp: OidcIdp, names: dict[str, list[str]], change: dict[str, Any]
) -> None:
    names["inside.example"] = ["10.0.0.1"]
    platform_idp.discovery_changes = change
    answer = visitor.post("/sso/platform/")
    if answer.status_code == 302:
        query = platform_idp.authorize(answer["Location"])
        answer = visitor.get(f"/sso/oidc/platform/callback/?{query}")
    assert answer.status_code == 403
    assert refusals("platform") == ["OIDC_UNAVAILABLE"]


def test_signing_in_as_somebody_else_ends_the_first_session(visitor: Browser, platform_idp: OidcIdp) -> None:
    found(visitor, platform_idp)
    first = dict(visitor.session)
    platform_idp.person = {"sub": "bob", "email": "bob@example.test", "email_verified": True}
    visitor.through_oidc(platform_idp)
    assert visitor.session["_auth_user_id"] != first["_auth_user_id"]
    assert visitor.session["session_id"] != first["session_id"]
    assert visitor.get("/api/v1/organizations").json()["results"] == []


def test_a_planted_session_is_worthless_after_sign_in(visitor: Browser, platform_idp: OidcIdp) -> None:
    """The attack (session fixation): mallory knows the session's key before the victim signs in."""
    location = visitor.begin("/sso/platform/")
    planted = visitor.session.session_key
    visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    assert visitor.session.session_key != planted
    stale = Browser()
    stale.cookies[next(iter(visitor.cookies))] = planted
    assert stale.get("/api/v1/organizations").status_code == 401


def test_sign_in_begins_by_a_post_with_proof_of_origin(platform_idp: OidcIdp, db: None) -> None:
    strict = Browser(enforce_csrf_checks=True)
    assert strict.get("/sso/platform/").status_code == 405
    assert strict.post("/sso/platform/").status_code == 403
    assert strict.post("/sign-out/").status_code == 403
    assert strict.post("/sign-up/saml/").status_code == 403
