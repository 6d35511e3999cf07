"""What a person does with an account of their own, step by step; used by the tests of accounts."""

import re
import time
from typing import Any

import pytest
from django.core import mail

from organizations.accounts import authenticators
from organizations.models import User
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.organizations.conftest import Browser
from tests.organizations.soft_authenticator import SoftAuthenticator

PASSWORD = "a heron stands in the reeds"
EMAIL = "nora@example.test"


def mails_to(address: str) -> list[Any]:
    """What was mailed to somebody, the oldest first."""
    deliver_due()
    return [each for each in mail.outbox if address in each.to]


def mailed_code(address: str = EMAIL) -> str:
    """The code of the newest mail."""
    return re.search(r"^    (\S+)$", mails_to(address)[-1].body, re.M)[1]


def mailed_link(address: str = EMAIL) -> str:
    """The path of the newest mail's link to a new password."""
    return re.search(r"http://testserver(/reset/[^)\s]+)", mails_to(address)[-1].body)[1]


def prove_address(browser: Browser, address: str = EMAIL) -> None:
    """The first two steps of a sign-up."""
    assert browser.post("/sign-up/email/", {"email": address})["Location"] == "/sign-up/code/"
    assert browser.post("/sign-up/code/", {"code": mailed_code(address)})["Location"] == "/sign-up/finish/"


def sign_up(browser: Browser, address: str = EMAIL, password: str = PASSWORD) -> User:
    """A whole sign-up with a password."""
    prove_address(browser, address)
    answer = browser.post("/sign-up/finish/", {"name": "Nora", "password": password, "by": "password"})
    assert answer.status_code == 302, answer.content
    return person_of(address)


def sign_up_with_passkey(browser: Browser, address: str = EMAIL) -> SoftAuthenticator:
    """A whole sign-up with a passkey."""
    prove_address(browser, address)
    key = SoftAuthenticator()
    answer = browser.post(
        "/sign-up/finish/", {"name": "Nora", "credential": key.create(options(browser, "sign_up")), "by": "passkey"}
    )
    assert answer.status_code == 302, answer.content
    return key


def sign_in(browser: Browser, address: str = EMAIL, password: str = PASSWORD, **more: str) -> Any:
    """Sends the form of address and password."""
    return browser.post("/sign-in/password/", {"email": address, "password": password, **more})


def options(browser: Browser, purpose: str) -> dict[str, Any]:
    """Options of a passkey's ceremony."""
    answer = browser.post("/passkeys/options/", {"purpose": purpose})
    assert answer.status_code == 200, answer.content
    return answer.json()


def sign_in_with_passkey(browser: Browser, key: SoftAuthenticator, **lies: Any) -> Any:
    """A whole sign-in with a passkey."""
    answer = key.get(options(browser, "sign_in"), **lies)
    return browser.post("/sign-in/passkey/", {"credential": answer})


def add_app(browser: Browser) -> str:
    """Sets an authenticator app up; returns its secret."""
    page = browser.get("/account/authenticator/")
    secret = page.context["secret"]
    answer = browser.post("/account/authenticator/", {"code": app_code(secret)})
    assert answer.status_code == 302, answer.content
    return secret


def app_code(secret: str, *, steps: int = 0) -> str:
    """What the app shows so many steps from now."""
    from organizations.accounts.authenticators import STEP_SECONDS, _totp

    return _totp(secret).generate((int(time.time()) // STEP_SECONDS + steps) * STEP_SECONDS).decode()


def make_recovery_codes(browser: Browser) -> list[str]:
    """Has recovery codes made; returns them as they are shown."""
    return browser.post("/account/recovery-codes/").context["codes"]


def person_of(address: str) -> User:
    """Somebody by their address, looked at past row-level security."""
    with all_rows():
        return User.objects.get(email__iexact=address)


def age_proofs(browser: Browser, seconds: int) -> None:
    """Makes everything the session has proven so much older."""
    session = browser.session
    session["proofs"] = {way: at - seconds for way, at in session["proofs"].items()}
    if session.get("second_factor"):
        session["second_factor"] -= seconds
    session.save()


def words(answer: Any, address: str) -> str:
    """What a page says, without what differs from request to request."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value="|data-now=")[^"]+', "", answer.content.decode())
    return re.sub(r'"request [^<]+<', "", text).replace(address, "…")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time that authenticator apps go by."""

    class Clock:
        now = 1_800_000_000.0

        def time(self) -> float:
            return self.now

    told = Clock()
    monkeypatch.setattr(authenticators, "time", told)
    monkeypatch.setattr(f"{__name__}.time", told)
    return told


@pytest.fixture
def nora(visitor: Browser) -> User:
    """Somebody with an account of their own, signed in as `visitor`."""
    return sign_up(visitor)
