"""Attacks on sign-in by SAML: lies, bodies that are no message, forgeries."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml

from organizations.models import Connection, SeenAssertion
from tests.database import all_rows
from tests.organizations.attacks import assert_refused, each
from tests.organizations.conftest import Browser, posted
from tests.organizations.saml_idp import OTHER_PAIR, Asked, SamlIdp, encoded, signed

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ASSERTION, SIGNATURE = f"{{{Saml.NS_SAML}}}Assertion", f"{{{Saml.NS_DS}}}Signature"

SAML_LIES: dict[str, dict[str, Any]] = {
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


@each(SAML_LIES)
def test_a_lying_answer_is_refused_with_a_page_and_audited(
    attack: str, visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, **SAML_LIES[attack]))
    assert_refused(answer, visitor, pending.organization_id, "SAML_INVALID")
    assert visitor.get(f"/sso/saml/{pending.pk}/finish/").status_code == 403
    assert not visitor.is_signed_in


NO_MESSAGES: dict[str, str | None] = {
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
    "UTF-16 with a document type": encoded('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")),
    "an entity by parameter": encoded('<!DOCTYPE a [<!ENTITY % b SYSTEM "http://169.254.169.254/">%b;]><a/>'),
    "too large": "QUFB" * 120_000,
}


@each(NO_MESSAGES)
def test_what_is_no_message_is_a_clear_400(attack: str, visitor: Browser, pending: Connection) -> None:
    answer = posted(pending, NO_MESSAGES[attack])
    assert "could not be read" in answer.content.decode()
    assert_refused(answer, visitor, pending.organization_id, "SAML_MALFORMED", status=400)


def honest(idp: SamlIdp, asked: Asked, **lies: Any) -> Any:
    """A message with a signed assertion in a response that is not signed, to be taken apart."""
    return etree.fromstring(idp.answer_xml(asked, sign_response=False, **lies))


def forged(message: Any) -> Any:
    """The message's assertion with another subject and no signature."""
    evil = etree.fromstring(etree.tostring(message.find(ASSERTION)).replace(b">alice<", b">mallory<"))
    evil.remove(evil.find(SIGNATURE))
    evil.set("ID", "_evil")
    return evil


def beside(message: Any) -> Any:
    message.find(ASSERTION).addprevious(forged(message))
    return message


def behind(message: Any) -> Any:
    message.find(ASSERTION).addnext(forged(message))
    return message


def inside_the_signature(message: Any) -> Any:
    genuine, evil = message.find(ASSERTION), forged(message)
    message.replace(genuine, evil)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    etree.SubElement(signature, f"{{{Saml.NS_DS}}}Object").append(genuine)
    evil.insert(1, signature)
    return message


def in_extensions(message: Any) -> Any:
    genuine = message.find(ASSERTION)
    message.replace(genuine, forged(message))
    extensions = etree.Element(f"{{{Saml.NS_SAMLP}}}Extensions")
    extensions.append(genuine)
    message.insert(1, extensions)
    return message


def inside_the_forged_one(message: Any) -> Any:
    genuine, evil = message.find(ASSERTION), forged(message)
    message.replace(genuine, evil)
    evil.append(genuine)
    return message


def around_the_forged_one(message: Any) -> Any:
    message.find(ASSERTION).append(forged(message))
    return message


def with_the_same_id(message: Any) -> Any:
    evil = forged(message)
    evil.set("ID", message.find(ASSERTION).get("ID"))
    message.find(ASSERTION).addprevious(evil)
    return message


def with_its_signature(message: Any) -> Any:
    genuine, evil = message.find(ASSERTION), forged(message)
    evil.insert(1, genuine.find(SIGNATURE))
    message.replace(genuine, evil)
    return message


def in_another_namespace(message: Any) -> Any:
    evil = etree.fromstring(etree.tostring(forged(message)).replace(Saml.NS_SAML.encode(), b"urn:other"))
    message.find(ASSERTION).addprevious(evil)
    return message


def under_a_rebound_prefix(message: Any) -> Any:
    text = etree.tostring(message).replace(b"<saml:Subject>", b'<saml:Subject xmlns:saml="urn:other">')
    return etree.fromstring(text)


def with_a_second_subject(message: Any) -> Any:
    subject = message.find(f"{ASSERTION}/{{{Saml.NS_SAML}}}Subject")
    subject.addprevious(etree.fromstring(etree.tostring(subject).replace(b">alice<", b">mallory<")))
    return message


def encrypted_and_plain(message: Any) -> Any:
    secret = etree.SubElement(message, f"{{{Saml.NS_SAML}}}EncryptedAssertion")
    etree.SubElement(secret, f"{{{Saml.NS_XENC}}}EncryptedData")
    return message


def encrypted_alone(message: Any) -> Any:
    message.remove(message.find(ASSERTION))
    return encrypted_and_plain(message)


def signed_over_everything(message: Any) -> Any:
    message.find(f".//{{{Saml.NS_DS}}}Reference").set("URI", "")
    return message


def signed_over_a_file(message: Any) -> Any:
    message.find(f".//{{{Saml.NS_DS}}}Reference").set("URI", "file:///etc/passwd")
    return message


def transformed(message: Any) -> Any:
    transforms = message.find(f".//{{{Saml.NS_DS}}}Transforms")
    etree.SubElement(transforms, f"{{{Saml.NS_DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
    return message


def with_two_references(message: Any) -> Any:
    reference = message.find(f".//{{{Saml.NS_DS}}}Reference")
    reference.addnext(etree.fromstring(etree.tostring(reference)))
    return message


def as_another_message(message: Any) -> Any:
    return message.find(ASSERTION)


def by_hmac(message: Any) -> Any:
    return etree.fromstring(etree.tostring(message).replace(Saml.RSA_SHA256.encode(), f"{MORE}hmac-sha256".encode()))


FORGERIES: dict[str, Callable[[Any], Any]] = {
    function.__name__.replace("_", " "): function
    for function in (
        beside,
        behind,
        inside_the_signature,
        in_extensions,
        inside_the_forged_one,
        around_the_forged_one,
        with_the_same_id,
        with_its_signature,
        in_another_namespace,
        under_a_rebound_prefix,
        with_a_second_subject,
        encrypted_and_plain,
        encrypted_alone,
        signed_over_everything,
        signed_over_a_file,
        transformed,
        with_two_references,
        as_another_message,
        by_hmac,
    )
}


@each(FORGERIES)
def test_a_signature_over_something_else_does_not_vouch_for_what_is_read(
    attack: str, visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    """The attacks (signature wrapping and its kin): a really signed element somewhere, a forged one that is read."""
    message = FORGERIES[attack](honest(saml_idp, asked))
    answer = posted(pending, encoded(etree.tostring(message)))
    assert_refused(answer, visitor, pending.organization_id, "SAML_INVALID")
    with all_rows():
        assert not SeenAssertion.objects.exists()


def without_its_own_signature(idp: SamlIdp, asked: Asked) -> Any:
    """An answer that was signed twice, of which the outer signature was cut off on the way."""
    message = etree.fromstring(idp.answer_xml(asked))
    message.remove(message.find(SIGNATURE))
    return message


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("InResponseTo", "_another"), ("InResponseTo", None), ("Destination", "https://elsewhere.example/acs/")],
)
def test_where_the_responses_own_signature_was_cut_off_its_frame_can_only_have_it_refused(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked, attribute: str, value: str | None
) -> None:
    """The attack: the outer signature is stripped, so that what is outside the assertion can be changed."""
    message = without_its_own_signature(saml_idp, asked)
    if value is None:
        del message.attrib[attribute]
    else:
        message.set(attribute, value)
    answer = posted(pending, encoded(etree.tostring(message)))
    assert_refused(answer, visitor, pending.organization_id, "SAML_INVALID", "SAML_UNSOLICITED")


def test_a_signed_assertion_tells_by_itself_who_comes_in(saml_idp: SamlIdp, pending: Connection, asked: Asked) -> None:
    posted(pending, encoded(etree.tostring(without_its_own_signature(saml_idp, asked))))
    with all_rows():
        assert [(seen.uid, seen.email) for seen in SeenAssertion.objects.all()] == [("alice", "alice@acme.example")]


def test_an_extra_signature_by_a_weak_algorithm_is_refused(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    xml = saml_idp.answer_xml(asked, sign_response=False)
    answer = posted(pending, encoded(signed(xml, *saml_idp.pair, Saml.RSA_SHA1, Saml.SHA1)))
    assert_refused(answer, visitor, pending.organization_id, "SAML_INVALID")


@pytest.mark.parametrize(
    ("value", "read"),
    [("alice.mallory", "uid"), ("alice@acme.example.evil.example", "email"), ("Alice Mallory", "name")],
)
def test_a_comment_does_not_cut_a_value_short(
    saml_idp: SamlIdp, pending: Connection, asked: Asked, value: str, read: str
) -> None:
    """The attack: `alice<!-- -->.mallory` is signed as one value and read as another, comments being unsigned."""
    attributes = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{text}</saml:AttributeValue></saml:Attribute>'
        for name, text in {"email": "alice@acme.example.evil.example", "name": "Alice Mallory"}.items()
    )
    xml = saml_idp.answer_xml(asked, uid="alice.mallory", attributes=attributes, sign_response=False)
    middle = len(value) // 2
    posted(pending, encoded(xml.replace(value, f"{value[:middle]}<!-- -->{value[middle:]}")))
    with all_rows():
        assert [getattr(seen, read) for seen in SeenAssertion.objects.all()] == [value]


def test_there_is_no_single_logout_to_forge_at_any_address(pending: Connection) -> None:
    logout = encoded(f'<samlp:LogoutRequest xmlns:samlp="{Saml.NS_SAMLP}" ID="_1" Version="2.0"/>')
    for name in ("sls", "slo", "logout", "sp/sls"):
        assert Client().post(f"/sso/saml/{pending.pk}/{name}/", {"SAMLRequest": logout}).status_code == 404
    assert posted(pending, logout).status_code in (400, 403)


@pytest.mark.parametrize("times", [1, 4])
def test_an_oversized_body_to_the_answer_address_is_refused_before_it_is_read(pending: Connection, times: int) -> None:
    assert posted(pending, "QUFB" * 300_000 * times).status_code == 400
