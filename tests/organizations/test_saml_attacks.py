"""Hostile SAML: every message is a real one, posted to the real address."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml

from organizations.models import Connection, SeenAssertion
from tests.database import all_rows
from tests.organizations.conftest import Browser, posted, refusals
from tests.organizations.saml_idp import OTHER_PAIR, Asked, SamlIdp, encoded, signed

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


LIES: dict[str, dict[str, Any]] = {
    "signed by another key": {"pair": OTHER_PAIR},
    "assertion not signed": {"sign_assertion": False},
    "nothing signed": {"sign_assertion": False, "sign_response": False},
    "SHA-1 signature": {"signature": Saml.RSA_SHA1},
    "SHA-1 digest": {"digest": Saml.SHA1},
    "another audience": {"audience": "https://elsewhere.example/metadata"},
    "no audience": {"audience": None},
    "another recipient": {"recipient": "https://elsewhere.example/acs/"},
    "a recipient that only holds ours": {"recipient": "https://elsewhere.example/?http://testserver/sso/"},
    "no recipient": {"recipient": None},
    "another destination": {"destination": "https://elsewhere.example/acs/"},
    "another issuer": {"issuer": "https://mallory.example/metadata"},
    "expired": {"begins": -7200, "ends": -3600},
    "confirmation expired": {"confirmation_ends": -10},
    "a confirmation without an end": {"confirmation_ends": None},
    "not yet valid": {"begins": 3600, "ends": 7200},
    "refused by the identity provider": {"status": "urn:oasis:names:tc:SAML:2.0:status:Requester"},
    "no request inside the signature": {"confirmed_for": None},
    "two different requests": {"confirmed_for": "_another"},
    "a subject for one session only": {"name_id_format": Saml.NAMEID_TRANSIENT},
    "an empty subject": {"uid": ""},
    "a subject too long to be stored": {"uid": "x" * 200},
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.replace(" ", "-"))
def test_a_lying_answer_is_refused_with_a_page_and_audited(
    lie: str, visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, **LIES[lie]))
    assert answer.status_code == 403
    assert "not accepted" in answer.content.decode()
    assert refusals(pending.organization_id) == ["SAML_INVALID"]
    assert visitor.get(f"/sso/saml/{pending.pk}/finish/").status_code == 403
    assert not visitor.is_signed_in


def test_the_reason_is_for_the_audit_trail_and_not_for_the_page(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, issuer="https://mallory.example/metadata"))
    assert b"mallory.example" not in answer.content


NO_MESSAGES = {
    "no field": None,
    "empty": "",
    "not base64": "this is no base64!",
    "base64 of nothing": base64.b64encode(b"   ").decode(),
    "not XML": encoded("hello"),
    "unclosed XML": encoded("<samlp:Response"),
    "NUL inside": encoded(b"<a>\x00</a>"),
    "NUL only": encoded(b"\x00"),
    "not UTF-8": encoded(b"\xff\xfe\xff"),
    "a document type": encoded('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "an external entity": encoded('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    "a bomb": encoded('<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'),
    "deep nesting": encoded("<a>" * 5000 + "</a>" * 5000),
    "too large": "QUFB" * 120_000,
}


@pytest.mark.parametrize("what", NO_MESSAGES, ids=lambda what: what.replace(" ", "-"))
def test_what_is_no_message_is_a_clear_400(what: str, pending: Connection) -> None:
    answer = posted(pending, NO_MESSAGES[what])
    assert answer.status_code == 400
    assert "could not be read" in answer.content.decode()


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


def test_a_signature_over_another_assertion_does_not_vouch_for_ours(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    """The attack (signature wrapping): a really signed assertion is moved aside, and a forged one is read."""
    honest = etree.fromstring(saml_idp.answer_xml(asked, sign_response=False))
    original = honest.find(f"{{{Saml.NS_SAML}}}Assertion")
    forged = etree.fromstring(etree.tostring(original).replace(b">alice<", b">mallory<"))
    forged.remove(forged.find(f"{{{Saml.NS_DS}}}Signature"))
    for place in ("beside", "inside the signature", "in extensions"):
        message = etree.fromstring(etree.tostring(honest))
        genuine = message.find(f"{{{Saml.NS_SAML}}}Assertion")
        evil = etree.fromstring(etree.tostring(forged))
        evil.set("ID", "_evil")
        if place == "beside":
            genuine.addprevious(evil)
        elif place == "inside the signature":
            message.replace(genuine, evil)
            signature = genuine.find(f"{{{Saml.NS_DS}}}Signature")
            genuine.remove(signature)
            etree.SubElement(signature, f"{{{Saml.NS_DS}}}Object").append(genuine)
            evil.insert(1, signature)
        else:
            message.replace(genuine, evil)
            extensions = etree.Element(f"{{{Saml.NS_SAMLP}}}Extensions")
            extensions.append(genuine)
            message.insert(1, extensions)
        assert posted(pending, encoded(etree.tostring(message))).status_code == 403, place
    with all_rows():
        assert not SeenAssertion.objects.exists()


def test_a_comment_does_not_cut_a_value_short(saml_idp: SamlIdp, pending: Connection, asked: Asked) -> None:
    """The attack: `alice<!-- -->.mallory` is signed as one value and read as another, comments being unsigned."""
    xml = saml_idp.answer_xml(asked, uid="alice.mallory", sign_response=False)
    posted(pending, encoded(xml.replace("alice.mallory", "alice<!-- -->.mallory")))
    with all_rows():
        assert [seen.uid for seen in SeenAssertion.objects.all()] == ["alice.mallory"]


def test_an_extra_signature_by_a_weak_algorithm_is_refused(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    xml = saml_idp.answer_xml(asked, sign_response=False)
    assert posted(pending, encoded(signed(xml, *saml_idp.pair, Saml.RSA_SHA1, Saml.SHA1))).status_code == 403


def test_an_hmac_under_the_public_certificate_is_no_signature(
    saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    xml = saml_idp.answer_xml(asked, sign_response=False).replace(Saml.RSA_SHA256, f"{MORE}hmac-sha256")
    assert posted(pending, encoded(xml)).status_code == 403


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
