"""Hostile SAML: every message is a real one, posted to the real address."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml

from organizations.models import Connection, SeenAssertion
from tests.database import all_rows
from tests.organizations.conftest import Browser, posted, refusals
from tests.organizations.saml_idp import Asked, SamlIdp, encoded

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def test_the_reason_is_for_the_audit_trail_and_not_for_the_page(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, issuer="https://mallory.example/metadata"))
    assert b"mallory.example" not in answer.content


def test_other_xml_is_refused_and_never_a_500(pending: Connection) -> None:
    for xml in ("<a/>", f'<samlp:Response xmlns:samlp="{Saml.NS_SAMLP}"/>', f'<a xmlns="{Saml.NS_SAML}" ID="x"/>'):
        assert posted(pending, encoded(xml)).status_code in (400, 403)


def test_a_nul_in_the_form_itself_is_a_400(pending: Connection) -> None:
    answer = Client().generic(
        "POST",
        f"/sso/saml/{pending.pk}/acs/",
        b"SAMLResponse=%00",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 400


def test_an_oversized_body_is_a_400(pending: Connection) -> None:
    assert posted(pending, "QUFB" * 400_000).status_code == 400


def test_the_answer_address_takes_posts_only(pending: Connection) -> None:
    assert Client().get(f"/sso/saml/{pending.pk}/acs/").status_code == 405


@pytest.mark.parametrize(
    ("old", "new"),
    [("alice@acme.example", "mallory@acme.example"), (">alice<", ">mallory<"), ("AuthnInstant", "SessionIndex")],
)
def test_a_tampered_assertion_is_refused(
    saml_idp: SamlIdp, pending: Connection, asked: Asked, old: str, new: str
) -> None:
    xml = saml_idp.answer_xml(asked)
    assert old in xml
    assert posted(pending, encoded(xml.replace(old, new))).status_code == 403


def test_a_message_without_an_e_mail_address_says_what_to_mend(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, email=None))
    assert answer.status_code == 403
    assert "e-mail address" in answer.content.decode()


@pytest.mark.parametrize("email", ["a" * 260 + "@acme.example", "ali\u017fe@acme.example", "alice"])
def test_an_address_that_can_not_be_stored_or_compared_is_refused(
    email: str, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    assert posted(pending, saml_idp.answer(asked, email=email)).status_code == 403
    assert refusals(pending.organization_id) == ["SAML_NO_EMAIL"]


def test_an_answer_without_end_is_kept_for_a_day(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    """The attack: a moment in the last year of the calendar, beyond which no date can be reckoned."""
    endless = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - datetime.now(UTC)).total_seconds())
    answer = posted(pending, saml_idp.answer(asked, confirmation_ends=endless))
    assert visitor.come_back(answer).status_code == 302
    with all_rows():
        assert (SeenAssertion.objects.get().keep_until - datetime.now(UTC)).days <= 1
