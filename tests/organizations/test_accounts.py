"""Sign up and in by e-mail, password and passkey; and what nobody learns or gets on the way."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.hashers import BasePasswordHasher
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
    mails_to,
    prove_address,
    sign_in,
    sign_in_with_passkey,
    sign_up,
    sign_up_with_passkey,
    words,
)
from tests.organizations.conftest import Browser, audited
from tests.organizations.oidc_idp import OidcIdp

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_an_address_that_an_organization_only_says_is_no_account(visitor: Browser, acme: Organization) -> None:
    """The attack: an organization's provider asserts somebody's address, and a password is set for it."""
    with all_rows():
        User.objects.create_user("ceo@bank.example", email_verified=False)
    visitor.post("/reset/", {"email": "ceo@bank.example"})
    assert mails_to("ceo@bank.example")[-1].subject.startswith("There is no account")


def test_a_person_of_an_existing_cast_keeps_one_account(db: None, visitor: Browser) -> None:
    person("nora")
    visitor.post("/sign-up/email/", {"email": "NORA@example.test"})
    assert mails_to("NORA@example.test")[-1].subject.startswith("You already have an account")
