"""Answers that are good as messages, brought by the wrong browser, to the wrong door, or a second time."""

import re

import pytest
from django.test import Client
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml

from organizations.models import Connection
from tests.database import all_rows
from tests.organizations.conftest import Browser, posted, refusals, sign_up_with_saml
from tests.organizations.saml_idp import Asked, SamlIdp, encoded


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
    """The attack: every message carries another word into the reason, and so counts as another refusal."""
    for number in range(5):
        posted(pending, "rubbish!")
        posted(pending, encoded(f"<a{number}/>"))
    assert sorted(refusals(pending.organization_id)) == ["SAML_INVALID", "SAML_MALFORMED"]
