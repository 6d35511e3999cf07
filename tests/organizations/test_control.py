"""Who may change what proves a person."""

from typing import Any

import pytest

from organizations.models import User
from tests.database import all_rows
from tests.organizations.account_steps import (
    add_app,
    age_proofs,
    app_code,
    clock,
    nora,
)
from tests.organizations.conftest import Browser
from tests.organizations.oidc_idp import OidcIdp

__all__ = ["clock", "nora"]
pytestmark = pytest.mark.django_db(transaction=True)
STEP = "/sign-in/second-step/"
CHANGES = ["/account/password/", "/account/passkeys/new/", "/account/recovery-codes/", "/account/authenticator/remove/"]


@pytest.mark.parametrize("address", CHANGES)
def test_what_proves_a_person_is_changed_only_after_a_proof_of_the_last_ten_minutes(
    visitor: Browser, nora: User, address: str
) -> None:
    age_proofs(visitor, 601)
    answer = visitor.post(address, {"password": "another heron, another pond", "name": "x"})
    assert answer["Location"].startswith("/confirm/?")
    with all_rows():
        assert User.objects.get(pk=nora.pk).password == nora.password


def test_confirming_by_password_makes_the_proof_new(visitor: Browser, nora: User) -> None:
    age_proofs(visitor, 601)
    wrong = visitor.post("/confirm/", {"password": "not the password", "next": "/account/"})
    assert wrong.status_code == 422
    form = {"password": "a heron stands in the reeds", "next": "/account/password/"}
    assert visitor.post("/confirm/", form)["Location"] == "/account/password/"
    assert visitor.get("/account/password/").status_code == 200


def test_confirming_by_password_alone_does_not_go_past_the_second_factor(
    visitor: Browser, nora: User, clock: Any
) -> None:
    """The attack: a browser that was left open, and a password that is known; but not the phone."""
    add_app(visitor)
    age_proofs(visitor, 13 * 3600)
    session = visitor.session
    session["proofs"] = {"conn_" + "a" * 20: int(__import__("time").time()) - 700}
    session.save()
    form = {"password": "a heron stands in the reeds", "next": "/account/password/", "for": "account"}
    assert visitor.post("/confirm/", form)["Location"] == STEP
    assert visitor.get("/account/password/")["Location"].startswith("/confirm/")


def test_an_apps_code_confirms_but_does_not_let_anybody_change_the_account(
    visitor: Browser, nora: User, clock: Any
) -> None:
    secret = add_app(visitor)
    age_proofs(visitor, 601)
    clock.now += 30
    assert visitor.post("/confirm/", {"code": app_code(secret), "next": "/account/"})["Location"] == "/account/"
    assert visitor.get("/account/password/")["Location"] == "/confirm/?next=%2Faccount%2Fpassword%2F&for=account"
    page = visitor.get("/confirm/?for=account").content.decode()
    assert "Code from your app" not in page


def test_confirming_with_the_platform_must_be_as_oneself_and_anew(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    visitor.through_oidc(platform_idp)
    age_proofs(visitor, 601)
    location = visitor.begin("/confirm/platform/", next="/account/password/")
    assert "prompt=login" in location
    stale = f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}"
    platform_idp.claims = {"auth_time": 1}
    assert visitor.get(stale).status_code == 403
    platform_idp.claims = {}
    location = visitor.begin("/confirm/platform/", next="/account/password/")
    platform_idp.person = {"sub": "mallory", "email": "mallory@example.test", "email_verified": True}
    assert visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}").status_code == 403
    with all_rows():
        assert not User.objects.filter(email="mallory@example.test").exists()
    platform_idp.person = {"sub": "alice", "email": "alice@example.test", "email_verified": True}
    location = visitor.begin("/confirm/platform/", next="/account/password/")
    answer = visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    assert answer["Location"] == "/account/password/"
    assert visitor.get("/account/password/").status_code == 200


def test_an_organizations_own_sign_in_can_not_give_an_account_a_passkey(
    visitor: Browser, nora: User, acme: Any
) -> None:
    """The attack: the provider signs in as a member and adds a key that opens the member's other organizations."""
    import time

    session = visitor.session
    session["proofs"] = {"conn_" + "a" * 20: int(time.time())}
    session.save()
    assert visitor.get("/account/passkeys/new/")["Location"].startswith("/confirm/")
    assert visitor.post("/passkeys/options/", {"purpose": "add"})["Location"].startswith("/confirm/")


@pytest.mark.parametrize("address", [*CHANGES, "/account/passkeys/pkey_x/remove/", "/account/link/platform/"])
def test_the_platforms_sign_in_alone_changes_nothing_for_whoever_has_a_second_factor(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp, address: str
) -> None:
    """The attack: with the platform login alone, make recovery codes and show one as the second factor."""
    visitor.through_oidc(platform_idp)
    add_app(visitor)
    another_visitor.through_oidc(platform_idp)
    answer = another_visitor.post(address, {"password": "another heron, another pond", "name": "x"})
    assert answer["Location"].startswith("/confirm/?")
    assert "for=account" in answer["Location"]
    assert another_visitor.get("/account/recovery-codes/").context["left"] == 0


def test_whoever_owes_only_their_second_factor_is_led_to_it_and_back(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp, clock: Any
) -> None:
    visitor.through_oidc(platform_idp)
    secret = add_app(visitor)
    clock.now += 30
    another_visitor.through_oidc(platform_idp)
    confirm = another_visitor.get("/account/passkeys/new/")["Location"]
    step = another_visitor.get(confirm)["Location"]
    assert step == f"{STEP}?next=%2Faccount%2Fpasskeys%2Fnew%2F&for=account"
    assert "changed only by who has your second factor" in another_visitor.get(step).content.decode()
    shown = another_visitor.post(STEP, {"code": app_code(secret), "next": "/account/passkeys/new/", "for": "account"})
    assert shown["Location"] == "/account/passkeys/new/"
    assert another_visitor.get("/account/passkeys/new/").status_code == 200
