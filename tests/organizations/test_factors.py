"""Passkeys, authenticator apps and recovery codes: what is taken, once, and what is not."""

import json
from typing import Any

import pytest

from controlplane.models import AuditEntry
from organizations.accounts import authenticators
from organizations.models import Authenticator, Passkey, RecoveryCode, User
from tests.database import all_rows
from tests.organizations.account_steps import (
    EMAIL,
    add_app,
    age_proofs,
    app_code,
    mails_to,
    make_recovery_codes,
    options,
    sign_in,
    sign_in_with_passkey,
    sign_up,
    sign_up_with_passkey,
)
from tests.organizations.conftest import Browser, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.soft_authenticator import PRESENT, SoftAuthenticator

pytestmark = pytest.mark.django_db(transaction=True)
STEP = "/sign-in/second-step/"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time that authenticator apps go by."""

    class Clock:
        now = 1_800_000_000.0

        def time(self) -> float:
            return self.now

    told = Clock()
    monkeypatch.setattr(authenticators, "time", told)
    monkeypatch.setattr("tests.organizations.account_steps.time", told)
    return told


@pytest.fixture
def nora(visitor: Browser) -> User:
    return sign_up(visitor)


# Authenticator apps


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


# Recovery codes


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


# Passkeys


@pytest.fixture
def key(visitor: Browser) -> SoftAuthenticator:
    """A passkey with a counter, whose owner is signed out."""
    made = sign_up_with_passkey(visitor)
    made.counts = True
    visitor.post("/sign-out/")
    return made


LIES = {
    "the origin of a look-alike": {"origin": "https://testserver.evil.example"},
    "a tenant's dashboard on the same machine": {"origin": "http://dashboard.testserver"},
    "another port": {"origin": "http://testserver:8443"},
    "another site": {"rp_id": "evil.example"},
    "an old challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "no person in front of it": {"flags": 0},
    "a person who was not verified": {"flags": PRESENT},
    "the answer of a registration": {"type": "webauthn.create"},
    "a frame in somebody else's page": {"cross_origin": True},
    "somebody else's account": {"user_handle": b"usr_" + b"a" * 20},
    "no account": {"user_handle": b""},
    "an account of another form": {"user_handle": b"\0\xff"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_passkeys_answer_with_a_lie_opens_nothing(visitor: Browser, key: SoftAuthenticator, lie: Any) -> None:
    answer = sign_in_with_passkey(visitor, key, **lie)
    assert answer.status_code == 400
    assert "This passkey was not accepted." in answer.content.decode()
    assert not visitor.is_signed_in


def test_a_challenge_is_answered_once(visitor: Browser, key: SoftAuthenticator) -> None:
    """The attack: an answer that was recorded is sent again."""
    answer = key.get(options(visitor, "sign_in"))
    assert visitor.post("/sign-in/passkey/", {"credential": answer}).status_code == 302
    visitor.post("/sign-out/")
    assert visitor.post("/sign-in/passkey/", {"credential": answer}).status_code == 400
    options(visitor, "sign_in")
    assert visitor.post("/sign-in/passkey/", {"credential": answer}).status_code == 400


def test_a_wrong_answer_uses_the_challenge_up(visitor: Browser, key: SoftAuthenticator) -> None:
    asked = options(visitor, "sign_in")
    assert visitor.post("/sign-in/passkey/", {"credential": key.get(asked, flags=0)}).status_code == 400
    assert visitor.post("/sign-in/passkey/", {"credential": key.get(asked)}).status_code == 400


def test_a_challenge_counts_in_its_own_browser_and_for_its_own_purpose(
    visitor: Browser, another_visitor: Browser, key: SoftAuthenticator
) -> None:
    asked = options(visitor, "sign_in")
    options(another_visitor, "sign_in")
    assert another_visitor.post("/sign-in/passkey/", {"credential": key.get(asked)}).status_code == 400
    assert sign_in_with_passkey(visitor, key).status_code == 302
    for_confirming = key.get(options(visitor, "confirm"))
    assert visitor.post("/sign-in/passkey/", {"credential": for_confirming}).status_code == 400


def test_a_challenge_ends_after_five_minutes(visitor: Browser, key: SoftAuthenticator) -> None:
    asked = options(visitor, "sign_in")
    session = visitor.session
    session["passkey_challenges"] = {"sign_in": {**session["passkey_challenges"]["sign_in"], "at": 0}}
    session.save()
    assert visitor.post("/sign-in/passkey/", {"credential": key.get(asked)}).status_code == 400


def test_a_counter_that_stands_or_goes_back_is_a_copied_key(visitor: Browser, key: SoftAuthenticator) -> None:
    assert sign_in_with_passkey(visitor, key).status_code == 302
    assert sign_in_with_passkey(visitor, key).status_code == 302
    copy_says = {"count": key.count - 1}
    for lie in ({"count": key.count}, copy_says, {"count": 0}):
        browser = Browser()
        assert sign_in_with_passkey(browser, key, **lie).status_code == 400, lie
        assert not browser.is_signed_in


def test_a_synchronized_passkey_never_counts_and_is_taken(visitor: Browser) -> None:
    key = sign_up_with_passkey(visitor)
    for _ in range(2):
        assert sign_in_with_passkey(Browser(), key).status_code == 302


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"id": 1}', "[" * 9000, '{"id": "AA", "rawId": "AA"}'])
def test_rubbish_is_no_passkey(visitor: Browser, key: SoftAuthenticator, text: str) -> None:
    options(visitor, "sign_in")
    assert visitor.post("/sign-in/passkey/", {"credential": text}).status_code == 400


def test_an_answer_with_any_part_missing_or_of_another_type_is_refused(
    visitor: Browser, key: SoftAuthenticator
) -> None:
    whole = json.loads(key.get(options(visitor, "sign_in")))
    for name in ("rawId", "id", "type", *(f"response.{part}" for part in whole["response"])):
        for value in (None, 1, "", "AA", [], {"a": 1}, "\ud800"):
            bad = json.loads(json.dumps(whole))
            place = bad["response"] if name.startswith("response.") else bad
            place[name.rpartition(".")[2]] = value
            options(visitor, "sign_in")
            answer = visitor.post("/sign-in/passkey/", {"credential": json.dumps(bad)})
            assert answer.status_code == 400, (name, value)


def test_a_second_passkey_is_added_named_renamed_and_removed(visitor: Browser, nora: User) -> None:
    key = SoftAuthenticator()
    form = {"name": "Laptop", "credential": key.create(options(visitor, "add"))}
    assert visitor.post("/account/passkeys/new/", form)["Location"] == "/account/recovery-codes/"
    with all_rows():
        (row,) = Passkey.objects.all()
    assert visitor.post(f"/account/passkeys/{row.pk}/rename/", {"name": "Blue key"}).status_code == 302
    assert "Blue key" in visitor.get("/account/").content.decode()
    assert sign_in(Browser())["Location"] == STEP, "it is a second factor for the password"
    assert visitor.post(f"/account/passkeys/{row.pk}/remove/").status_code == 302
    assert sign_in_with_passkey(Browser(), key).status_code == 400
    told = [each.subject for each in mails_to(EMAIL)]
    assert "A passkey was added to your account" in told
    assert "A passkey was removed from your account" in told
    actions = [entry.action for entry in audited("platform")]
    assert {f"organizations.passkey.{verb}" for verb in ("create", "rename", "remove")} <= set(actions)


def test_a_passkey_is_the_second_step_after_the_password(visitor: Browser, nora: User) -> None:
    key = SoftAuthenticator()
    visitor.post("/account/passkeys/new/", {"name": "Laptop", "credential": key.create(options(visitor, "add"))})
    browser = Browser()
    sign_in(browser)
    assert browser.post(STEP, {"credential": key.get(options(browser, "factor"))}).status_code == 302
    assert browser.is_signed_in


def test_somebody_elses_passkey_is_no_second_step(visitor: Browser, another_visitor: Browser, nora: User) -> None:
    key = SoftAuthenticator()
    visitor.post("/account/passkeys/new/", {"name": "Laptop", "credential": key.create(options(visitor, "add"))})
    mallorys = sign_up_with_passkey(another_visitor, "mallory@example.test")
    browser = Browser()
    sign_in(browser)
    assert browser.post(STEP, {"credential": mallorys.get(options(browser, "factor"))}).status_code == 422
    assert not browser.is_signed_in


def test_the_last_way_into_an_account_is_not_removed(visitor: Browser) -> None:
    sign_up_with_passkey(visitor)
    with all_rows():
        (row,) = Passkey.objects.all()
    assert visitor.post(f"/account/passkeys/{row.pk}/remove/").status_code == 409


def test_a_credential_belongs_to_one_account(visitor: Browser, another_visitor: Browser) -> None:
    key = sign_up_with_passkey(visitor)
    sign_up(another_visitor, "mallory@example.test")
    copied = SoftAuthenticator(credential_id=key.credential_id)
    form = {"name": "Copy", "credential": copied.create(options(another_visitor, "add"))}
    assert another_visitor.post("/account/passkeys/new/", form).status_code == 422


@pytest.mark.parametrize("verb", ["rename", "remove"])
def test_nobody_touches_somebody_elses_passkey(visitor: Browser, another_visitor: Browser, verb: str) -> None:
    sign_up_with_passkey(visitor)
    sign_up(another_visitor, "mallory@example.test")
    with all_rows():
        (row,) = Passkey.objects.all()
    assert another_visitor.post(f"/account/passkeys/{row.pk}/{verb}/", {"name": "mine"}).status_code == 404


# Who may change what proves them


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
