"""Sign up and in by e-mail, password and passkey; and what nobody learns or gets on the way."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.hashers import BasePasswordHasher
from django.core import mail
from django.test import Client
from django.utils import timezone

from controlplane import rls
from organizations.actions import invitations
from organizations.models import MailedCode, Membership, Organization, User
from tests.cast import actor_for, person
from tests.database import all_rows
from tests.organizations.account_steps import (
    EMAIL,
    PASSWORD,
    age_proofs,
    mailed_code,
    mailed_link,
    mails_to,
    options,
    prove_address,
    sign_in,
    sign_in_with_passkey,
    sign_up,
    sign_up_with_passkey,
)
from tests.organizations.conftest import Browser, audited
from tests.organizations.oidc_idp import OidcIdp

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick_hashes(request: pytest.FixtureRequest, settings: Any) -> None:
    """What is tested is who gets in, not how slow a guess is."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def test_passwords_are_kept_by_argon2() -> None:
    from controlplane.settings.sign_in import PASSWORD_HASHERS

    assert PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_somebody_signs_up_alone_and_owns_their_organization(visitor: Browser) -> None:
    sign_up(visitor)
    page = visitor.get("/sign-up/")
    assert "Create organization" in page.content.decode()
    address = visitor.post("/sign-up/", {"name": "Nora Ltd", "kind": "organization"})["Location"]
    answer = visitor.get(f"/api/v1/organizations/{address.strip('/').rpartition('/')[2]}")
    assert answer.json()["role"] == "owner"
    told = [entry.action for entry in audited("platform")]
    assert told == ["organizations.person.create", "organizations.session.begin"]


def test_a_passkey_alone_is_an_account_that_counts_as_two_factors(visitor: Browser, another_visitor: Browser) -> None:
    key = sign_up_with_passkey(visitor)
    visitor.post("/sign-out/")
    assert sign_in_with_passkey(another_visitor, key)["Location"] == "/"
    assert another_visitor.is_signed_in
    assert another_visitor.session["second_factor"]


def test_a_password_signs_in_and_leads_where_one_wanted_to_go(visitor: Browser, another_visitor: Browser) -> None:
    sign_up(visitor)
    assert sign_in(another_visitor, EMAIL.upper(), next="/account/")["Location"] == "/account/"
    assert another_visitor.get("/account/").status_code == 200
    assert sign_in(Browser(), next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize(
    "password", ["short", "password1234", "123456789012", "nora@example.test", "x" * 257, "NORA@example.TEST"]
)
def test_a_password_that_is_guessed_first_is_not_taken(visitor: Browser, password: str) -> None:
    prove_address(visitor)
    answer = visitor.post("/sign-up/finish/", {"name": "Nora", "password": password, "by": "password"})
    assert answer.status_code == 422
    assert not visitor.is_signed_in


def test_sign_up_answers_the_same_for_a_known_address_and_the_mail_says_it(
    visitor: Browser, another_visitor: Browser
) -> None:
    sign_up(visitor)
    known = another_visitor.post("/sign-up/email/", {"email": EMAIL}, follow=True)
    unknown = Browser().post("/sign-up/email/", {"email": "nobody@example.test"}, follow=True)
    assert words(known, EMAIL) == words(unknown, "nobody@example.test")
    assert mails_to(EMAIL)[-1].subject == "You already have an account at Garrison"
    assert mails_to("nobody@example.test")[-1].subject == "Your code for Garrison"
    guess = {"code": "AAAA-AAAA"}
    assert words(another_visitor.post("/sign-up/code/", guess), EMAIL) == words(
        another_visitor.post("/sign-up/code/", guess), EMAIL
    )


def test_a_code_for_a_known_address_fits_nothing_not_even_itself(visitor: Browser, another_visitor: Browser) -> None:
    """The attack: somebody who reads along wants a second account with an address that has one."""
    sign_up(visitor)
    another_visitor.post("/sign-up/email/", {"email": EMAIL})
    with all_rows():
        assert MailedCode.objects.get().digest == ""
    assert another_visitor.post("/sign-up/code/", {"code": ""}).status_code == 422
    assert another_visitor.post("/sign-up/code/", {"code": "ABCD-EFGH"}).status_code == 422


def test_a_password_for_an_unknown_address_is_as_much_work_as_a_wrong_one(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch, settings: Any, platform_idp: OidcIdp
) -> None:
    """The attack: whoever measures time learns who has an account, and who of them a password."""
    sign_up(visitor)
    by_platform = Browser()
    platform_idp.person = {"sub": "pat", "email": "pat@example.test", "email_verified": True}
    by_platform.through_oidc(platform_idp)
    work: list[str] = []
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.work = work
    done = {}
    for address in (EMAIL, "pat@example.test", "nobody@example.test"):
        work.clear()
        answer = sign_in(Browser(), address, "not the password")
        done[address] = (answer.status_code, words(answer, address), len(work))
    assert len(set(done.values())) == 1, done


class Counting(BasePasswordHasher):
    """Counts how often a password is hashed."""

    algorithm = "md5"
    work: list[str] = []

    def salt(self) -> str:
        return "salt"

    def encode(self, password: str, salt: str) -> str:
        self.work.append(password)
        return f"md5${salt}$x"

    def decode(self, encoded: str) -> dict[str, Any]:
        return {"salt": "salt", "hash": encoded}

    def verify(self, password: str, encoded: str) -> bool:
        self.work.append(password)
        return False

    def must_update(self, encoded: str) -> bool:
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing."""


def test_a_code_counts_once_and_only_in_the_browser_that_asked_for_it(
    visitor: Browser, another_visitor: Browser
) -> None:
    visitor.post("/sign-up/email/", {"email": EMAIL})
    code = mailed_code()
    another_visitor.post("/sign-up/email/", {"email": "mallory@example.test"})
    assert another_visitor.post("/sign-up/code/", {"code": code}).status_code == 422
    remembered = visitor.session["sign_up_code"]
    assert visitor.post("/sign-up/code/", {"code": code.lower().replace("-", " ")}).status_code == 302
    session = visitor.session
    session["sign_up_code"] = remembered
    session.save()
    assert visitor.post("/sign-up/code/", {"code": code}).status_code == 422


def test_five_wrong_guesses_spoil_a_code(visitor: Browser) -> None:
    visitor.post("/sign-up/email/", {"email": EMAIL})
    code = mailed_code()
    for _ in range(5):
        assert visitor.post("/sign-up/code/", {"code": "WRNG-GUES"}).status_code == 422
    assert visitor.post("/sign-up/code/", {"code": code}).status_code == 422


def test_an_old_code_is_worth_nothing_and_is_swept_away(visitor: Browser) -> None:
    from organizations import retention

    visitor.post("/sign-up/email/", {"email": EMAIL})
    code = mailed_code()
    with all_rows():
        MailedCode.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert visitor.post("/sign-up/code/", {"code": code}).status_code == 422
    retention.forget_spent_rows()
    with all_rows():
        assert not MailedCode.objects.exists()


def test_without_a_proven_address_no_step_can_be_skipped(visitor: Browser) -> None:
    assert visitor.get("/sign-up/code/")["Location"] == "/sign-up/email/"
    form = {"name": "x", "password": PASSWORD, "by": "password"}
    assert visitor.post("/sign-up/finish/", form)["Location"] == "/sign-up/email/"
    visitor.post("/sign-up/email/", {"email": EMAIL})
    assert visitor.post("/sign-up/finish/", form)["Location"] == "/sign-up/email/"
    assert visitor.post("/passkeys/options/", {"purpose": "sign_up"}).status_code == 403
    with all_rows():
        assert not User.objects.filter(email=EMAIL).exists()


def test_two_who_prove_one_address_at_once_become_one_person(visitor: Browser, another_visitor: Browser) -> None:
    for browser in (visitor, another_visitor):
        prove_address(browser)
    form = {"name": "Nora", "password": PASSWORD, "by": "password"}
    assert visitor.post("/sign-up/finish/", form).status_code == 302
    assert another_visitor.post("/sign-up/finish/", form).status_code == 422
    assert not another_visitor.is_signed_in


def test_the_platforms_sign_in_does_not_open_an_account_of_the_same_address(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    """The attack: whoever controls the provider's account of that address takes the account over."""
    sign_up(visitor)
    platform_idp.person = {"sub": "nora", "email": EMAIL, "email_verified": True}
    assert another_visitor.through_oidc(platform_idp).status_code == 403
    assert not another_visitor.is_signed_in
    with all_rows():
        assert User.objects.filter(email=EMAIL).count() == 1


def test_somebody_of_the_platforms_sign_in_gets_no_second_account_by_their_address(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    visitor.through_oidc(platform_idp)
    another_visitor.post("/sign-up/email/", {"email": "alice@example.test"})
    assert mails_to("alice@example.test")[-1].subject.startswith("You already have an account")
    another_visitor.post("/reset/", {"email": "alice@example.test"})
    assert mails_to("alice@example.test")[-1].subject == "You sign in to Garrison without a password"


def test_the_platforms_sign_in_is_tied_to_an_account_with_proof_of_both(
    visitor: Browser, another_visitor: Browser, platform_idp: OidcIdp
) -> None:
    nora = sign_up(visitor)
    platform_idp.person = {"sub": "nora", "email": EMAIL, "email_verified": True}
    location = visitor.begin("/account/link/platform/")
    assert "prompt=login" in location
    answer = visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")
    assert answer["Location"] == "/account/"
    assert another_visitor.through_oidc(platform_idp).status_code == 302
    assert another_visitor.session["_auth_user_id"] == nora.pk
    assert "Another way to sign in was tied to your account" in [each.subject for each in mails_to(EMAIL)]


def test_tying_needs_a_proof_of_the_last_ten_minutes(visitor: Browser, platform_idp: OidcIdp) -> None:
    sign_up(visitor)
    age_proofs(visitor, 700)
    answer = visitor.post("/account/link/platform/", HTTP_REFERER="http://testserver/account/")
    assert answer["Location"] == "/confirm/?next=%2Faccount%2F&for=account"


def test_an_invitation_waits_for_whoever_proves_the_address(visitor: Browser, acme: Organization, alice: User) -> None:
    inviting = actor_for(alice)
    with rls.acting_as(inviting.rls_actor):
        invitation = invitations.invite(by=inviting, organization=acme, email=EMAIL, role="viewer")
    sign_up(visitor)
    assert "Acme" in visitor.get("/sign-up/").content.decode()
    assert visitor.post(f"/invitations/{invitation.pk}/accept/")["Location"] == f"/o/{acme.pk}/"


def test_an_organization_that_demands_its_own_sign_in_is_not_opened_by_an_account(
    visitor: Browser, acme: Organization, alice: User
) -> None:
    nora = sign_up(visitor)
    with all_rows():
        Membership.objects.create(user=nora, organization=acme, role="owner")
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").status_code == 200
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(sign_in_policy="connection")
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").status_code == 403
    assert visitor.get(f"/o/{acme.pk}/members/")["Location"].startswith("/sso/enter/")


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


def test_an_address_that_an_organization_only_says_is_no_account(visitor: Browser, acme: Organization) -> None:
    """The attack: an organization's provider asserts somebody's address, and a password is set for it."""
    with all_rows():
        User.objects.create_user("ceo@bank.example", email_verified=False)
    visitor.post("/reset/", {"email": "ceo@bank.example"})
    assert mails_to("ceo@bank.example")[-1].subject.startswith("There is no account")


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


def test_nothing_secret_is_kept_where_it_can_be_read(visitor: Browser, another_visitor: Browser, settings: Any) -> None:
    from controlplane.models import AuditEntry, Mail, Message

    sign_up(visitor)
    another_visitor.post("/reset/", {"email": EMAIL})
    secret = mailed_link().strip("/").rpartition("/")[2]
    with all_rows():
        kept = [str(list(model.objects.values())) for model in (AuditEntry, Mail, Message, MailedCode, User)]
    assert not any(secret in text or PASSWORD in text for text in kept)


def test_a_person_of_an_existing_cast_keeps_one_account(db: None, visitor: Browser) -> None:
    person("nora")
    visitor.post("/sign-up/email/", {"email": "NORA@example.test"})
    assert mails_to("NORA@example.test")[-1].subject.startswith("You already have an account")


def words(answer: Any, address: str) -> str:
    """What a page says, without what differs from request to request."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value="|data-now=")[^"]+', "", answer.content.decode())
    return re.sub(r'"request [^<]+<', "", text).replace(address, "…")
