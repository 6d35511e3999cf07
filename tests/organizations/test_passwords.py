"""Passwords that are set anew: by a mailed link, and by who is signed in."""

import re

import pytest

from tests.organizations.account_steps import (
    EMAIL,
    PASSWORD,
    mailed_link,
    mails_to,
    sign_in,
    sign_up,
    words,
)
from tests.organizations.conftest import Browser, audited

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reset_sets_a_new_password_ends_every_session_and_is_told(visitor: Browser, another_visitor: Browser) -> None:
    sign_up(visitor)
    another_visitor.post("/reset/", {"email": EMAIL})
    link = mailed_link()
    new = "another heron, another pond"
    assert another_visitor.get(link).status_code == 200
    assert another_visitor.post(link, {"password": new})["Location"] == "/sign-in/?reset=done"
    assert not another_visitor.is_signed_in
    assert visitor.get("/account/").status_code == 302, "the old session"
    assert sign_in(Browser(), password=PASSWORD).status_code == 400
    assert sign_in(Browser(), password=new).status_code == 302
    assert "password of your account was reset" in " ".join(each.subject for each in mails_to(EMAIL))
    assert "organizations.password.reset" in [entry.action for entry in audited("platform")]


def test_a_link_is_good_once_and_every_other_one_dies_with_it(visitor: Browser, another_visitor: Browser) -> None:
    sign_up(visitor)
    links = []
    for _ in range(2):
        another_visitor.post("/reset/", {"email": EMAIL})
        links.append(mailed_link())
    assert another_visitor.post(links[1], {"password": "another heron, another pond"}).status_code == 302
    for link in links:
        assert another_visitor.get(link).status_code == 404
        assert another_visitor.post(link, {"password": "a third heron, a third pond"}).status_code == 404


def test_a_link_with_another_secret_or_id_is_over(visitor: Browser, another_visitor: Browser) -> None:
    sign_up(visitor)
    another_visitor.post("/reset/", {"email": EMAIL})
    link = mailed_link()
    wrong = re.sub(r"[0-9A-Za-z]/$", "0/" if link[-2] != "0" else "1/", link)
    for address in (wrong, link.replace(link.split("/")[2], "mcode_" + "a" * 20)):
        assert another_visitor.get(address).status_code == 404
    assert another_visitor.get(link).status_code == 200, "guessing at it did not spoil it"


def test_a_reset_answers_the_same_for_everybody(visitor: Browser, another_visitor: Browser) -> None:
    sign_up(visitor)
    known = another_visitor.post("/reset/", {"email": EMAIL})
    unknown = another_visitor.post("/reset/", {"email": "nobody@example.test"})
    assert words(known, EMAIL) == words(unknown, "nobody@example.test")
    assert mails_to("nobody@example.test")[-1].subject == "There is no account with this address at Garrison"


def test_a_forged_host_can_not_lead_the_mailed_link_elsewhere(visitor: Browser, another_visitor: Browser) -> None:
    """The attack: the link of a reset is made from the Host header, and brings its secret to the attacker."""
    sign_up(visitor)
    sent = len(mails_to(EMAIL))
    for forged in ({"HTTP_HOST": "evil.example"}, {"HTTP_HOST": "testserver.evil.example"}):
        assert another_visitor.post("/reset/", {"email": EMAIL}, **forged).status_code == 400
    another_visitor.post("/reset/", {"email": EMAIL}, HTTP_X_FORWARDED_HOST="evil.example")
    (newest,) = mails_to(EMAIL)[sent:]
    assert "evil" not in newest.body + newest.alternatives[0].content


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(
    visitor: Browser, another_visitor: Browser
) -> None:
    sign_up(visitor)
    sign_in(another_visitor)
    new = "another heron, another pond"
    assert visitor.post("/account/password/", {"password": new})["Location"] == "/account/"
    assert visitor.get("/account/").status_code == 200
    assert another_visitor.get("/account/").status_code == 302
    assert "password of your account was changed" in mails_to(EMAIL)[-1].subject
