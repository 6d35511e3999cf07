"""Passkeys: what opens an account, and what does not."""

import json
from typing import Any

import pytest

from organizations.models import Passkey, User
from tests.database import all_rows
from tests.organizations.account_steps import (
    EMAIL,
    mails_to,
    nora,
    options,
    sign_in,
    sign_in_with_passkey,
    sign_up,
    sign_up_with_passkey,
)
from tests.organizations.conftest import Browser, audited
from tests.organizations.soft_authenticator import PRESENT, SoftAuthenticator

__all__ = ["nora"]
pytestmark = pytest.mark.django_db(transaction=True)
STEP = "/sign-in/second-step/"


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


def test_removing_a_passkey_ends_what_it_had_opened(visitor: Browser, nora: User) -> None:
    """The attack: a passkey was lost with its device, and the session in there goes on."""
    key = SoftAuthenticator()
    visitor.post("/account/passkeys/new/", {"name": "Laptop", "credential": key.create(options(visitor, "add"))})
    lost = Browser()
    sign_in_with_passkey(lost, key)
    assert lost.get("/account/").status_code == 200
    with all_rows():
        (row,) = Passkey.objects.all()
    told = visitor.post(f"/account/passkeys/{row.pk}/remove/", follow=True).content.decode()
    assert "Your other sessions have ended" in told
    assert lost.get("/account/").status_code == 302
    assert visitor.get("/account/").status_code == 200


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
