"""Certificates and secrets are exchanged without a gap, the provider's and our own, and their end is told before."""

import base64
import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from django.db import connection as database
from django.utils import timezone
from lxml import etree

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Mail, Message
from controlplane.problems import Conflict, Invalid, NotFound
from organizations import tasks
from organizations.actions import certificates, connections, renewing
from organizations.models import Connection, Membership, Organization, User
from organizations.sso.saml import metadata, service_provider
from organizations.sso.saml.certificates import fingerprint
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_oidc, add_saml, audited, by_session, link
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import HONEST_PAIR, OTHER_PAIR, SamlIdp, new_pair

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture
def own(as_alice: Actor, acme: Organization, saml_idp: SamlIdp) -> Connection:
    return connections.add_saml(
        by=as_alice, organization=acme, name="SAML", metadata=metadata.parse(saml_idp.metadata())
    )


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "CERTIFICATE" not in line)


def now(connection: Connection) -> Connection:
    with all_rows():
        return Connection.objects.select_related("organization").get(pk=connection.pk)


def test_two_certificates_are_accepted_while_the_provider_exchanges_them(
    alice_by_platform: Browser, saml_idp: SamlIdp
) -> None:
    made = add_saml(alice_by_platform, saml_idp)
    page = f"/o/{made.organization_id}/sso/{made.pk}"
    saml_idp.pair = OTHER_PAIR
    assert link(alice_by_platform, saml_idp, made).status_code == 403
    assert alice_by_platform.post(f"{page}/certificates/", {"certificate": OTHER_PAIR[1]}).status_code == 302
    assert "Being exchanged" in alice_by_platform.get(f"{page}/").content.decode()
    assert link(alice_by_platform, saml_idp, made).status_code == 302
    saml_idp.pair = HONEST_PAIR
    assert link(alice_by_platform, saml_idp, made).status_code == 302

    old = fingerprint(bare(HONEST_PAIR[1]))
    assert alice_by_platform.post(f"{page}/certificates/{old}/remove/").status_code == 302
    assert link(alice_by_platform, saml_idp, made).status_code == 403
    saml_idp.pair = OTHER_PAIR
    assert link(alice_by_platform, saml_idp, made).status_code == 302


def test_the_last_certificate_stays(as_alice: Actor, acme: Organization, own: Connection) -> None:
    (only,) = own.certificates
    for wanted, error in ((fingerprint(only), Conflict), ("00" * 32, NotFound)):
        with pytest.raises(error):
            certificates.remove(by=as_alice, organization=acme, connection_id=own.pk, fingerprint_of=wanted)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HONEST_PAIR[1], Conflict),
        ("nonsense", Invalid),
        ("", Invalid),
        (HONEST_PAIR[1] + OTHER_PAIR[1], Invalid),
        (new_pair(days=-1)[1], Invalid),
        (new_pair(bits=1024)[1], Invalid),
    ],
)
def test_a_certificate_that_can_not_be_used_is_refused(
    as_alice: Actor, acme: Organization, own: Connection, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        certificates.add(by=as_alice, organization=acme, connection_id=own.pk, certificate=text)
    assert len(now(own).certificates) == 1


def told_certificates(connection: Connection) -> list[str]:
    root = etree.fromstring(service_provider.own_metadata(connection))
    assert root.find(f".//{MD}KeyDescriptor[@use='encryption']") is None
    return ["".join(node.text.split()) for node in root.iter(f"{DS}X509Certificate")]


def signed_by(connection: Connection) -> str:
    """Which of our certificates verifies the request that a sign-in begins with; empty if it carries no signature."""
    _, address = service_provider.sign_in_request(connection, afresh=False)
    query = urlsplit(address).query
    if "Signature=" not in query:
        return ""
    whole, _, _ = query.rpartition("&Signature=")
    signature = base64.b64decode(parse_qs(query)["Signature"][0])
    certificate = x509.load_der_x509_certificate(base64.b64decode(connection.request_certificate))
    certificate.public_key().verify(signature, whole.encode(), padding.PKCS1v15(), SHA256())
    return connection.request_certificate


def test_our_requests_are_signed_and_our_key_is_exchanged_without_a_gap(
    as_alice: Actor, acme: Organization, own: Connection
) -> None:
    which: dict[str, Any] = {"by": as_alice, "organization": acme, "connection_id": own.pk}
    assert (signed_by(own), told_certificates(own)) == ("", [])
    signing = certificates.sign_requests(**which, wanted=True)
    first = signed_by(signing)
    assert told_certificates(signing) == [first]
    assert b'AuthnRequestsSigned="true"' in service_provider.own_metadata(signing)

    both = certificates.add_next_own(**which)
    assert signed_by(both) == first
    assert sorted(told_certificates(both)) == sorted([first, both.next_request_certificate])
    switched = certificates.switch_own(**which)
    assert signed_by(switched) == both.next_request_certificate != first
    assert told_certificates(switched) == [both.next_request_certificate]
    with pytest.raises(Conflict):
        certificates.switch_own(**which)
    assert signed_by(certificates.sign_requests(**which, wanted=False)) == ""
    with pytest.raises(Conflict):
        certificates.add_next_own(**which)


def test_our_key_is_sealed_at_rest_and_told_nowhere(alice: User, acme: Organization, own: Connection) -> None:
    browser = session_of(alice)
    browser.post(f"/o/{acme.pk}/sso/{own.pk}/own-key/sign/")
    with all_rows(), database.cursor() as cursor:
        cursor.execute("SELECT request_key FROM organizations_connection WHERE id = %s", [own.pk])
        assert "PRIVATE KEY" not in cursor.fetchone()[0]
    shown = browser.get(f"/o/{acme.pk}/sso/{own.pk}/").content.decode()
    assert now(own).request_certificate in shown
    assert "PRIVATE KEY" not in shown
    assert browser.post(f"/o/{acme.pk}/sso/{own.pk}/own-key/print/").status_code == 404


def test_metadata_are_read_again_on_demand(
    alice: User, acme: Organization, saml_idp: SamlIdp, web: dict[str, Any]
) -> None:
    web["idp.example"] = lambda request: httpx.Response(200, text=saml_idp.metadata())
    by = actor_for(alice)
    read = metadata.fetch("https://idp.example/metadata")
    with rls.acting_as(by.rls_actor):
        made = connections.add_saml(
            by=by, organization=acme, name="SAML", metadata=read, source_url="https://idp.example/metadata"
        )
    assert renewing.refresh(by=by, organization=acme, connection=made) == "Read again. Nothing has changed."
    saml_idp.pair = OTHER_PAIR
    assert renewing.refresh(by=by, organization=acme, connection=made) == "Read again. Changed: certificates."
    assert now(made).certificates == [bare(OTHER_PAIR[1])]
    saml_idp.entity_id = "https://mallory.example/"
    with pytest.raises(Invalid, match="another identity provider"):
        renewing.refresh(by=by, organization=acme, connection=made)


def test_discovery_is_read_again_on_demand(alice: User, acme: Organization, own_idp: OidcIdp) -> None:
    by = actor_for(alice)
    made = add_oidc(by, acme, own_idp)
    own_idp.discovery_changes = {"token_endpoint": f"{own_idp.issuer}/new-token"}
    assert renewing.refresh(by=by, organization=acme, connection=made) == "Read again. Changed: endpoints."
    assert now(made).endpoints["token_endpoint"] == f"{own_idp.issuer}/new-token"


def test_what_was_pasted_can_not_be_read_again(alice: User, acme: Organization, own: Connection) -> None:
    answer = session_of(alice).post(f"/o/{acme.pk}/sso/{own.pk}/refresh/")
    assert answer.status_code == 409


def test_the_former_secret_is_tried_until_the_new_one_has_worked(alice_by_platform: Browser, own_idp: OidcIdp) -> None:
    actor, organization = by_session(alice_by_platform)
    made = add_oidc(actor, organization, own_idp)
    which: dict[str, Any] = {"by": actor, "organization": organization, "connection_id": made.pk}
    with rls.acting_as(actor.rls_actor):
        renewing.renew_secret(**which, client_secret="the new one")
    own_idp.checks_secret = True
    assert "Passed" in alice_by_platform.test_oidc(own_idp, made).content.decode()
    assert now(made).former_secret == own_idp.client_secret
    own_idp.client_secret = "the new one"
    assert "Passed" in alice_by_platform.test_oidc(own_idp, made).content.decode()
    assert now(made).former_secret == ""
    own_idp.client_secret = "acme-secret"
    assert "invalid_client" in alice_by_platform.test_oidc(own_idp, made).content.decode()


@pytest.mark.parametrize(("days", "told"), [(31, []), (29, [30]), (6, [7]), (0.5, [1]), (-1, [0])])
def test_the_end_of_the_last_certificate_is_told_once_a_threshold(
    as_alice: Actor, acme: Organization, own: Connection, days: float, told: list[int]
) -> None:
    with all_rows():
        Connection.objects.update(certificates_end_at=timezone.now() + dt.timedelta(days=days))
    for _ in range(2):
        tasks.warn_of_certificates()
    entries = [e for e in audited(acme.pk) if e.action == "organizations.connection.certificate_ending"]
    assert [entry.data["days"] for entry in entries] == told
    with all_rows():
        assert Message.objects.filter(topic="organizations.connection.certificate_ending").count() == len(told)
        assert [mail.template for mail in Mail.objects.all()] == ["certificate_ending"] * len(told)


def test_each_threshold_is_told_and_a_new_certificate_ends_the_warnings(
    as_alice: Actor, acme: Organization, own: Connection
) -> None:
    for days in (20, 5, 0.2):
        with all_rows():
            Connection.objects.update(certificates_end_at=timezone.now() + dt.timedelta(days=days))
        tasks.warn_of_certificates()
    assert now(own).told_days_left == 1
    longer = new_pair(days=400)[1]
    added = certificates.add(by=as_alice, organization=acme, connection_id=own.pk, certificate=longer)
    assert added.told_days_left is None
    tasks.warn_of_certificates()
    assert now(own).told_days_left is None


def test_an_end_that_is_near_stands_on_every_page_of_whoever_can_mend_it(
    alice: User, bob: User, acme: Organization, own: Connection
) -> None:
    with all_rows():
        Connection.objects.update(certificates_end_at=timezone.now() + dt.timedelta(days=6, hours=1))
    for path in ("members", "sso", f"sso/{own.pk}"):
        assert "ends in 6 days" in session_of(alice).get(f"/o/{acme.pk}/{path}/").content.decode(), path
    with all_rows():
        Membership.objects.filter(user=bob).update(role="admin")
    asked = session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()
    assert "ends in 6 days" in asked
    assert "Ask an owner to add the next one" in asked
    assert f"/o/{acme.pk}/sso/{own.pk}/certificates/" not in asked, "a form that would refuse them"
    with all_rows():
        Membership.objects.filter(user=bob).update(role="operator")
    assert "ends in 6 days" not in session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()


def test_a_provider_without_metadata_is_typed_in(alice: User, acme: Organization, saml_idp: SamlIdp) -> None:
    typed = {
        "name": "Typed",
        "entity_id": saml_idp.entity_id,
        "sign_in_url": saml_idp.sign_in_url,
        "certificate": saml_idp.pair[1],
    }
    page = f"/o/{acme.pk}/sso/new/saml/"
    shown = session_of(alice).get(page).content.decode()
    typed["reserved"] = re.search(r'name="reserved" value="([^"]+)"', shown)[1]
    assert session_of(alice).post(page, typed).status_code == 302
    with all_rows():
        made = Connection.objects.get(name="Typed")
    assert (made.issuer, made.certificates) == (saml_idp.entity_id, [bare(saml_idp.pair[1])])
    assert f"/sso/saml/{made.pk}/acs/" in shown
    for change, field in (
        ({"sign_in_url": "http://10.0.0.1/"}, "sign_in_url"),
        ({"certificate": "x"}, "certificate"),
        ({"sign_in_url": ""}, "sign_in_url"),
        ({"metadata_xml": saml_idp.metadata()}, "entity_id"),
    ):
        answer = session_of(alice).post(page, {**typed, **change})
        assert answer.status_code == 422
        assert answer.context["form"].errors[field], change
