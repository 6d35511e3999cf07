"""Metadata of an identity provider is judged when it is saved."""

from typing import Any

import httpx
import pytest

from controlplane.problems import Invalid
from organizations.sso.saml import metadata
from tests.organizations.conftest import Browser
from tests.organizations.saml_idp import OTHER_PAIR, SamlIdp, new_pair

TWO = "<md:EntitiesDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata'>{0}{0}</md:EntitiesDescriptor>"


def test_good_metadata_is_pinned(saml_idp: SamlIdp) -> None:
    read = metadata.parse(saml_idp.metadata())
    assert (read.entity_id, read.sign_in_url) == (saml_idp.entity_id, saml_idp.sign_in_url)
    assert len(read.certificates) == 1


def test_several_signing_certificates_are_all_kept(saml_idp: SamlIdp) -> None:
    other = "".join(line for line in OTHER_PAIR[1].splitlines() if "CERTIFICATE" not in line)
    second = (
        "<md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        f"{other}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService"
    )
    assert len(metadata.parse(saml_idp.metadata(**{"<md:SingleSignOnService": second})).certificates) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({'entityID="https://idp.example/metadata"': ""}, "entity id"),
        ({"HTTP-Redirect": "HTTP-POST"}, "sign-in address"),
        ({"X509Certificate>MII": "X509Certificate>XXX"}, "can't be read"),
        ({"https://idp.example/sso": "http://idp.example/sso"}, "https://"),
        ({"https://idp.example/sso": "javascript:alert(1)"}, "plain address"),
        ({"https://idp.example/sso": "https://user:secret@idp.example/sso"}, "plain address"),
        ({"IDPSSODescriptor": "SPSSODescriptor"}, "one identity provider"),
        ({"https://idp.example/sso": "https://xn--/sso"}, "can't be used"),
        ({"https://idp.example/sso": "https://a..b/sso"}, "can't be used"),
        ({"https://idp.example/sso": "https://idp.example/\x7f"}, "characters"),
        ({"https://idp.example/sso": "https://idp.example/" + "a" * 2048}, "2048 characters"),
        ({"https://idp.example/metadata": "https://idp.example/" + "a" * 1024}, "1024 characters"),
    ],
)
def test_unusable_metadata_names_the_field_and_what_is_missing(
    saml_idp: SamlIdp, change: dict[str, str], words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        metadata.parse(saml_idp.metadata(**change))
    assert refusal.value.field == "metadata_xml"


@pytest.mark.parametrize("inside", ["", " ", "<!-- -->"])
def test_an_empty_certificate_is_said_at_its_field(visitor: Browser, saml_idp: SamlIdp, inside: str) -> None:
    start, rest = saml_idp.metadata().split("<ds:X509Certificate>")
    _, end = rest.split("</ds:X509Certificate>")
    xml = f"{start}<ds:X509Certificate>{inside}</ds:X509Certificate>{end}"
    answer = visitor.post("/sign-up/saml/", {"name": "Acme", "kind": "msp", "metadata_xml": xml})
    assert answer.status_code == 400
    assert answer.context["form"].errors["metadata_xml"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<a/>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "http://169.254.169.254/"><a/>',
        "x" * 600_000,
    ],
)
def test_what_is_no_metadata_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        metadata.parse(text)


def test_metadata_of_two_providers_is_refused(saml_idp: SamlIdp) -> None:
    with pytest.raises(Invalid, match="describes 2"):
        metadata.parse(TWO.format(saml_idp.metadata()))


def test_a_certificate_that_has_ended_or_is_weak_is_refused() -> None:
    with pytest.raises(Invalid, match="ended on"):
        metadata.parse(SamlIdp(pair=new_pair(days=-1)).metadata())
    with pytest.raises(Invalid, match="1024 bits"):
        metadata.parse(SamlIdp(pair=new_pair(bits=1024)).metadata())


def test_sign_up_by_metadata_address_fetches_it(visitor: Browser, saml_idp: SamlIdp, web: dict[str, Any]) -> None:
    web["idp.example"] = lambda request: httpx.Response(200, text=saml_idp.metadata())
    form = {"name": "Acme", "kind": "msp", "metadata_url": "https://idp.example/metadata"}
    assert visitor.post("/sign-up/saml/", form).status_code == 302


def test_sign_up_by_file(visitor: Browser, saml_idp: SamlIdp) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("metadata.xml", saml_idp.metadata().encode())
    answer = visitor.post("/sign-up/saml/", {"name": "Acme", "kind": "msp", "metadata_file": file})
    assert answer.status_code == 302


@pytest.mark.parametrize(
    "address", ["https://inside.example/metadata", "http://idp.example/", "file:///etc/passwd", "//x"]
)
def test_a_metadata_address_that_may_not_be_fetched_is_said_at_its_field(
    visitor: Browser, names: dict[str, list[str]], address: str
) -> None:
    names["inside.example"] = ["10.0.0.7"]
    answer = visitor.post("/sign-up/saml/", {"name": "Acme", "kind": "organization", "metadata_url": address})
    assert answer.status_code == 400
    assert answer.context["form"].errors["metadata_url"]


def test_metadata_is_given_in_exactly_one_way(visitor: Browser, saml_idp: SamlIdp) -> None:
    form = {"name": "Acme", "kind": "organization"}
    assert visitor.post("/sign-up/saml/", form).status_code == 400
    both = {**form, "metadata_xml": saml_idp.metadata(), "metadata_url": "https://idp.example/metadata"}
    assert visitor.post("/sign-up/saml/", both).status_code == 400
