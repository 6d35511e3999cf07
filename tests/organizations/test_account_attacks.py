"""What is tried against accounts: guesses, floods, planted sessions, forms of other sites."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from organizations.models import MailedCode, User
from tests.database import all_rows
from tests.organizations.account_steps import (
    EMAIL,
    PASSWORD,
    mailed_link,
    mails_to,
    options,
    sign_in,
    sign_up,
)
from tests.organizations.conftest import Browser

pytestmark = pytest.mark.django_db(transaction=True)


def test_guesses_at_a_password_are_bounded_also_for_an_address_that_nobody_has(visitor: Browser) -> None:
    sign_up(visitor)
    seen = {}
    for address in (EMAIL, "nobody@example.test"):
        seen[address] = [sign_in(Browser(), address, "not the password").status_code for _ in range(11)]
    assert seen[EMAIL] == seen["nobody@example.test"] == [400] * 10 + [429]
    assert sign_in(Browser(), EMAIL, PASSWORD).status_code == 429, "the right one neither"
    assert sign_in(Browser(REMOTE_ADDR="192.0.2.9"), EMAIL, PASSWORD).status_code == 302, "elsewhere its owner gets in"


def test_mails_to_one_address_are_bounded_whoever_asks_for_them(visitor: Browser) -> None:
    statuses = [Browser(REMOTE_ADDR=f"192.0.2.{n}").post("/reset/", {"email": EMAIL}).status_code for n in range(1, 7)]
    assert statuses == [200] * 5 + [429]
    assert len(mails_to(EMAIL)) == 5


def test_a_session_planted_before_sign_in_is_worthless_afterwards(visitor: Browser, another_visitor: Browser) -> None:
    """The attack (session fixation): the attacker knows the key of the session that the victim signs in with."""
    sign_up(another_visitor)
    visitor.get("/sign-in/")
    options(visitor, "sign_in")
    planted = visitor.session.session_key
    assert planted
    sign_in(visitor)
    assert visitor.is_signed_in
    assert visitor.session.session_key != planted
    attacker = Browser()
    attacker.cookies["portal"] = planted
    assert attacker.get("/account/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/sign-in/password/",
        "/sign-in/passkey/",
        "/sign-up/email/",
        "/reset/",
        "/passkeys/options/",
        "/account/password/",
    ],
)
def test_no_form_is_taken_from_another_site(db: None, address: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(address, {"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 403
    assert not mail.outbox


def test_staff_and_people_who_are_switched_off_do_not_get_in(visitor: Browser) -> None:
    nora = sign_up(visitor)
    with all_rows():
        User.objects.filter(pk=nora.pk).update(is_active=False)
    assert sign_in(Browser()).status_code == 400
    assert visitor.get("/account/").status_code == 302
    with all_rows():
        User.objects.filter(pk=nora.pk).update(is_active=True, is_staff=True)
    assert sign_in(Browser()).status_code == 400


def test_nothing_secret_is_kept_where_it_can_be_read(visitor: Browser, another_visitor: Browser, settings: Any) -> None:
    from controlplane.models import AuditEntry, Mail, Message

    sign_up(visitor)
    another_visitor.post("/reset/", {"email": EMAIL})
    secret = mailed_link().strip("/").rpartition("/")[2]
    with all_rows():
        kept = [str(list(model.objects.values())) for model in (AuditEntry, Mail, Message, MailedCode, User)]
    assert not any(secret in text or PASSWORD in text for text in kept)
