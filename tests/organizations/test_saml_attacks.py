"""Hostile SAML: every message is a real one, posted to the real address."""

import base64
import re
from typing import Any

import pytest
from django.test import Client
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml

from organizations.models import Connection, SeenAssertion
from tests.database import all_rows
from tests.organizations.conftest import Browser, refusals, sign_up_with_saml
from tests.organizations.saml_idp import OTHER_PAIR, Asked, SamlIdp, encoded, signed

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def posted(connection: Connection, field: str | None, **more: str) -> Any:
    """Posts to the connection's answer address from a page that brings no cookie."""
    form = {} if field is None else {"SAMLResponse": field}
    return Client().post(f"/sso/saml/{connection.pk}/acs/", {**form, **more})


@pytest.fixture
def asked(visitor: Browser, pending: Connection) -> Asked:
    return Asked.of(visitor.begin(f"/sso/{pending.pk}/"))


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


def test_the_same_answer_counts_once(visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked) -> None:
    message = saml_idp.answer(asked)
    assert visitor.come_back(posted(pending, message)).status_code == 302
    again = posted(pending, message)
    assert again.status_code == 403
    assert refusals(pending.organization_id) == ["SAML_REPLAYED"]


def test_one_request_is_answered_once_even_by_another_assertion(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    assert visitor.come_back(posted(pending, saml_idp.answer(asked))).status_code == 302
    assert posted(pending, saml_idp.answer(asked)).status_code == 403


def test_another_browser_can_not_finish_a_sign_in(
    visitor: Browser, another_visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    """The attack: mallory begins, signs in as herself, and lets the victim's browser take the last step."""
    answer = posted(pending, saml_idp.answer(asked))
    assert another_visitor.come_back(answer).status_code == 403
    assert not another_visitor.is_signed_in
    assert visitor.come_back(answer).status_code == 302


def test_a_stolen_answer_does_not_serve_who_began_another_sign_in(
    another_visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    another_visitor.begin(f"/sso/{pending.pk}/")
    assert another_visitor.come_back(posted(pending, saml_idp.answer(asked))).status_code == 403


def test_an_answer_to_another_connections_request_is_refused(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    """InResponseTo across connections, with everything else made right for the second one."""
    second = sign_up_with_saml(visitor, saml_idp, "Second Ltd")
    base = f"http://testserver/sso/saml/{second.pk}"
    moved = Asked(asked.id, f"{base}/metadata/", f"{base}/acs/", forced=False)
    assert visitor.come_back(posted(second, saml_idp.answer(moved))).status_code == 403
    assert not visitor.is_signed_in


def test_an_answer_made_for_one_connection_is_refused_at_another(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    second = sign_up_with_saml(visitor, saml_idp, "Second Ltd")
    assert posted(second, saml_idp.answer(asked)).status_code == 403


def test_a_sign_in_that_the_identity_provider_begins_is_refused(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked, in_response_to=None, confirmed_for=None))
    assert answer.status_code == 403
    assert refusals(pending.organization_id) == ["SAML_UNSOLICITED"]


def test_a_request_nobody_made_is_refused_at_the_last_step(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    invented = Asked("_invented", asked.issuer, asked.acs, forced=False)
    assert visitor.come_back(posted(pending, saml_idp.answer(invented))).status_code == 403


def test_a_parameter_can_not_turn_a_sign_in_into_a_link(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    """The attack (`process=connect`): the victim, signed in elsewhere, is made to tie mallory's identity to herself."""
    visitor.begin(f"/sso/{pending.pk}/?process=connect", process="connect", purpose="link")
    attempts = visitor.session["sign_in_attempts"].values()
    assert [attempt["purpose"] for attempt in attempts] == ["sign_in"]


def test_where_the_answer_sends_people_is_not_the_identity_providers_choice(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    answer = posted(pending, saml_idp.answer(asked), RelayState="https://mallory.example/")
    assert visitor.come_back(answer)["Location"] == f"/o/{pending.organization_id}/"


@pytest.mark.parametrize(
    "address", ["https://mallory.example/", "//mallory.example", "/\\mallory.example", "javascript:1"]
)
def test_no_open_redirect_after_sign_in(visitor: Browser, saml_idp: SamlIdp, pending: Connection, address: str) -> None:
    asked = Asked.of(visitor.begin(f"/sso/{pending.pk}/", next=address))
    assert visitor.come_back(posted(pending, saml_idp.answer(asked)))["Location"] == f"/o/{pending.organization_id}/"


def test_there_is_no_single_logout_to_forge(pending: Connection) -> None:
    logout = encoded(f'<samlp:LogoutRequest xmlns:samlp="{Saml.NS_SAMLP}" ID="_1" Version="2.0"/>')
    for address in ("sls", "slo", "logout"):
        assert Client().post(f"/sso/saml/{pending.pk}/{address}/", {"SAMLRequest": logout}).status_code == 404


def test_the_host_header_moves_none_of_our_addresses(visitor: Browser, pending: Connection) -> None:
    assert Client().get(f"/sso/saml/{pending.pk}/metadata/", headers={"host": "mallory.example"}).status_code >= 400
    location = visitor.begin(f"/sso/{pending.pk}/")
    assert re.match(r"http://testserver/", Asked.of(location).acs)


def test_a_disabled_connection_signs_in_nobody(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, asked: Asked
) -> None:
    with all_rows():
        Connection.objects.filter(pk=pending.pk).update(state="disabled")
    assert visitor.come_back(posted(pending, saml_idp.answer(asked))).status_code == 403
    assert visitor.post(f"/sso/{pending.pk}/").status_code == 409


def test_refusals_that_anybody_can_cause_do_not_fill_the_trail(pending: Connection) -> None:
    for _ in range(5):
        posted(pending, "rubbish!")
    assert refusals(pending.organization_id) == ["SAML_MALFORMED"]
