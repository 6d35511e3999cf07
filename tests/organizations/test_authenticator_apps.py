"""Authenticator apps and recovery codes: what is taken, once, and what is not."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.models import AuditEntry
from organizations.models import Authenticator, RecoveryCode, User
from tests.database import all_rows
from tests.organizations.account_steps import (
    EMAIL,
    add_app,
    app_code,
    clock,
    mailed_link,
    mails_to,
    make_recovery_codes,
    nora,
    sign_in,
)
from tests.organizations.conftest import Browser

__all__ = ["clock", "nora"]
pytestmark = pytest.mark.django_db(transaction=True)
STEP = "/sign-in/second-step/"


def test_with_an_app_the_password_is_half_a_sign_in(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    clock.now += 30
    browser = Browser()
    assert sign_in(browser, next="/account/")["Location"] == STEP
    assert not browser.is_signed_in
    assert browser.post(STEP, {"code": app_code(secret)})["Location"] == "/account/"
    assert browser.is_signed_in


@pytest.mark.parametrize(
    "address", ["/account/", "/sign-up/", "/account/password/", "/confirm/", "/account/authenticator/"]
)
def test_half_a_sign_in_opens_no_address(visitor: Browser, nora: User, clock: Any, address: str) -> None:
    """The attack: whoever knows the password goes past the second step by typing in where they want to go."""
    add_app(visitor)
    browser = Browser()
    sign_in(browser)
    assert EMAIL not in browser.get(address, follow=True).content.decode()
    assert not browser.is_signed_in
    assert browser.get("/api/v1/organizations").status_code == 401


def test_an_apps_code_counts_once(visitor: Browser, nora: User, clock: Any) -> None:
    """The attack: somebody who looks over a shoulder types the same code in after its owner."""
    secret = add_app(visitor)
    clock.now += 30
    code = app_code(secret)
    owner, attacker = Browser(), Browser()
    for browser in (owner, attacker):
        sign_in(browser)
    assert owner.post(STEP, {"code": code}).status_code == 302
    assert attacker.post(STEP, {"code": code}).status_code == 422
    assert attacker.post(STEP, {"code": app_code(secret, steps=-1)}).status_code == 422, "an older one neither"
    assert not attacker.is_signed_in


def test_the_code_that_set_the_app_up_does_not_sign_in(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    browser = Browser()
    sign_in(browser)
    assert browser.post(STEP, {"code": app_code(secret)}).status_code == 422


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "000 000 000"])
def test_what_is_no_code_is_refused(visitor: Browser, nora: User, clock: Any, code: str) -> None:
    add_app(visitor)
    browser = Browser()
    sign_in(browser)
    assert browser.post(STEP, {"code": code}).status_code == 422


def test_a_clock_may_be_off_by_half_a_minute_and_no_more(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    clock.now += 300
    for steps, status in ((2, 422), (-2, 422), (1, 302)):
        browser = Browser()
        sign_in(browser)
        assert browser.post(STEP, {"code": app_code(secret, steps=steps)}).status_code == status, steps


def test_ten_guesses_at_a_second_factor_a_quarter_of_an_hour(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    clock.now += 30
    browser = Browser()
    sign_in(browser)
    assert [browser.post(STEP, {"code": "000000"}).status_code for _ in range(10)] == [422] * 10
    another = Browser(REMOTE_ADDR="192.0.2.9")
    sign_in(another)
    assert another.post(STEP, {"code": app_code(secret)}).status_code == 429, "not by another session or place"


def test_an_app_counts_only_once_its_first_code_was_typed_in(visitor: Browser, nora: User, clock: Any) -> None:
    visitor.get("/account/authenticator/")
    assert visitor.post("/account/authenticator/", {"code": "000000"}).status_code == 422
    assert sign_in(Browser())["Location"] == "/"


def test_the_secret_of_an_app_is_encrypted_at_rest(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    with all_rows():
        raw = Authenticator.objects.extra(select={"raw": "secret"}).values_list("raw", flat=True).get()
    assert raw
    assert secret not in raw
    assert visitor.get("/account/authenticator/").status_code == 409, "and is not shown again"


def test_half_a_sign_in_ends_after_ten_minutes(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    clock.now += 30
    browser = Browser()
    sign_in(browser)
    session = browser.session
    session["half_signed_in"] = {**session["half_signed_in"], "at": session["half_signed_in"]["at"] - 601}
    session.save()
    assert browser.post(STEP, {"code": app_code(secret)})["Location"] == "/sign-in/"


@pytest.mark.parametrize("way", ["change", "reset"])
def test_half_a_sign_in_dies_with_the_password(visitor: Browser, nora: User, clock: Any, way: str) -> None:
    """The attack: whoever learned the password, and has the phone for a moment, waits at the second step meanwhile."""
    secret = add_app(visitor)
    attacker = Browser()
    sign_in(attacker)
    changed = {"password": "another heron, another pond"}
    if way == "change":
        assert visitor.post("/account/password/", changed).status_code == 302
    else:
        visitor.post("/reset/", {"email": EMAIL})
        assert Browser().post(mailed_link(), changed).status_code == 302
    clock.now += 30
    assert attacker.post(STEP, {"code": app_code(secret)})["Location"] == "/sign-in/"
    assert not attacker.is_signed_in


def test_a_secret_that_was_never_confirmed_is_not_shown_again_later(visitor: Browser, nora: User, clock: Any) -> None:
    """The attack: somebody at a browser that was left open copies the secret that its owner sets up months later."""
    page = "/account/authenticator/"
    planted = visitor.get(page).context["secret"]
    assert visitor.get(page).context["secret"] == planted, "a page may be loaded twice"
    with all_rows():
        Authenticator.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    secret = visitor.get(page).context["secret"]
    assert secret != planted
    assert visitor.post(page, {"code": app_code(planted)}).status_code == 422
    assert visitor.post(page, {"code": app_code(secret)}).status_code == 302


def test_removing_the_app_ends_the_other_sessions_and_keeps_this_one(visitor: Browser, nora: User, clock: Any) -> None:
    secret = add_app(visitor)
    clock.now += 30
    other = Browser()
    sign_in(other)
    other.post(STEP, {"code": app_code(secret)})
    assert other.get("/account/").status_code == 200
    told = visitor.post("/account/authenticator/remove/", follow=True).content.decode()
    assert "Your other sessions have ended" in told
    assert other.get("/account/").status_code == 302


def test_a_recovery_code_stands_in_once_and_its_use_is_told(visitor: Browser, nora: User, clock: Any) -> None:
    add_app(visitor)
    codes = make_recovery_codes(visitor)
    assert len(set(codes)) == 10
    for status in (302, 422):
        browser = Browser()
        sign_in(browser)
        assert browser.post(STEP, {"code": codes[0].upper()}).status_code == status
    assert "A recovery code of your account was used" in [each.subject for each in mails_to(EMAIL)]
    with all_rows():
        assert RecoveryCode.objects.count() == 9
        assert not any(code.replace("-", "") in str(list(RecoveryCode.objects.values())) for code in codes)
        assert not any(code in str(list(AuditEntry.objects.values())) for code in codes)


def test_recovery_codes_are_shown_once_and_new_ones_end_the_old(visitor: Browser, nora: User, clock: Any) -> None:
    add_app(visitor)
    old = make_recovery_codes(visitor)
    assert old[0] not in visitor.get("/account/recovery-codes/").content.decode()
    make_recovery_codes(visitor)
    browser = Browser()
    sign_in(browser)
    assert browser.post(STEP, {"code": old[0]}).status_code == 422


def test_without_a_factor_there_are_no_recovery_codes_and_the_last_factor_takes_them_along(
    visitor: Browser, nora: User, clock: Any
) -> None:
    assert visitor.post("/account/recovery-codes/").status_code == 409
    add_app(visitor)
    make_recovery_codes(visitor)
    visitor.post("/account/authenticator/remove/")
    with all_rows():
        assert not RecoveryCode.objects.exists()
    assert sign_in(Browser())["Location"] == "/"
    assert "The authenticator app was removed from your account" in [each.subject for each in mails_to(EMAIL)]
