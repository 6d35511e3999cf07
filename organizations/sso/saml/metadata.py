"""Reads an identity provider's metadata once, and pins what it says."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_Error
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as MetadataParser

from controlplane.problems import Invalid
from organizations.sso import outgoing
from organizations.sso.models import LONGEST_ADDRESS, LONGEST_ISSUER, Connection
from organizations.sso.saml import service_provider
from organizations.sso.saml.certificates import bare

LIMIT_CHARACTERS = 512_000
SMALLEST_RSA_BITS = 2048


@dataclass(frozen=True)
class IdpMetadata:
    """What we keep of an identity provider: entity id, redirect-binding address, signing certificates (base64 DER)."""

    entity_id: str
    sign_in_url: str
    certificates: list[str]


def fetch(url: str) -> IdpMetadata:
    """Read metadata from an address, guarded against addresses inside our network; raises Invalid."""
    try:
        answer = outgoing.get(url, what="metadata address", headers={"Accept": "application/samlmetadata+xml, */*"})
    except outgoing.OutgoingRefused as error:
        raise Invalid(str(error), field="metadata_url", hint="Or paste the metadata XML instead.") from error
    if answer.status != 200:
        raise Invalid(f"The metadata address answered with status {answer.status}.", field="metadata_url")
    return parse(answer.body, field="metadata_url")


def parse(document: str | bytes, *, field: str = "metadata_xml") -> IdpMetadata:
    """
    The identity provider in a metadata document; raises Invalid naming `field`.

    Document types and entities are refused (they can read files and blow up), and a document that describes several
    identity providers is too: which one is meant must not depend on their order.
    """
    content = document.encode() if isinstance(document, str) else document
    if len(content) > LIMIT_CHARACTERS:
        raise Invalid("The metadata is larger than 512 KB.", field=field)
    _refuse_ambiguity(content, field)
    idp = _read(content, field)
    sign_in_url = idp.get("singleSignOnService", {}).get("url", "")
    certificates = idp.get("x509certMulti", {}).get("signing") or [idp.get("x509cert")]
    _check_nothing_lacks(
        {
            "an entity id": idp.get("entityId"),
            "a sign-in address for the HTTP-Redirect binding": sign_in_url,
            "a signing certificate": certificates[0],
        },
        field,
    )
    try:
        outgoing.checked(sign_in_url, "identity provider's sign-in address")
    except outgoing.OutgoingRefused as error:
        raise Invalid(str(error), field=field) from error
    read = IdpMetadata(idp["entityId"], sign_in_url, [usable_certificate(text, field) for text in certificates])
    _check_it_can_be_used(read, field)
    return read


def typed(*, entity_id: str, sign_in_url: str, certificate: str) -> IdpMetadata:
    """The identity provider as somebody typed it, where it publishes no metadata. Raises Invalid naming the field."""
    given = {"entity_id": entity_id.strip(), "sign_in_url": sign_in_url.strip(), "certificate": certificate.strip()}
    for field, text in given.items():
        if not text:
            raise Invalid("Fill this in as well, or give the metadata.", field=field)
    try:
        outgoing.checked(given["sign_in_url"], "identity provider's sign-in address")
    except outgoing.OutgoingRefused as error:
        raise Invalid(str(error), field="sign_in_url") from error
    read = IdpMetadata(
        given["entity_id"], given["sign_in_url"], [usable_certificate(bare(given["certificate"]), "certificate")]
    )
    _check_it_can_be_used(read, "entity_id")
    return read


def _read(content: bytes, field: str) -> dict[str, Any]:
    try:
        idp: dict[str, Any] = MetadataParser.parse(content).get("idp", {})
    except Exception as error:  # python3-saml takes every element for filled and lets the error of an empty one through
        raise Invalid("The metadata can't be read: an element of it is empty or out of place.", field=field) from error
    return idp


def _check_nothing_lacks(found: Mapping[str, Any], field: str) -> None:
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise Invalid(f"The metadata lacks {', '.join(missing)}.", field=field)


def _check_it_can_be_used(read: IdpMetadata, field: str) -> None:
    """Refuses what can't be stored, or what python3-saml would refuse later, at a sign-in."""
    connection = Connection(issuer=read.entity_id, sign_in_url=read.sign_in_url, certificates=read.certificates)
    for what, text, longest in (
        ("entity id", read.entity_id, LONGEST_ISSUER),
        ("sign-in address", read.sign_in_url, LONGEST_ADDRESS),
    ):
        if len(text) > longest:
            raise Invalid(f"The {what} is longer than {longest} characters.", field=field)
    try:
        service_provider.saml_settings(connection)
    except OneLogin_Saml2_Error as error:
        raise Invalid(f"The identity provider can't be used with this metadata ({error}).", field=field) from error


def usable_certificate(text: str, field: str) -> str:
    """A certificate as base64 DER; raises Invalid for one that is unreadable, has ended or has a weak key."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = certificate.public_key()
    except (ValueError, binascii.Error, TypeError) as error:
        raise Invalid("This signing certificate can't be read.", field=field) from error
    if certificate.not_valid_after_utc <= timezone.now():
        raise Invalid(f"The signing certificate ended on {certificate.not_valid_after_utc:%d %B %Y}.", field=field)
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA_BITS:
            raise Invalid(f"The signing key has {key.key_size} bits; at least 2048 are needed.", field=field)
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise Invalid("The signing certificate holds neither an RSA nor an elliptic curve key.", field=field)
    return "".join(text.split())


def _refuse_ambiguity(content: bytes, field: str) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid("This is not well-formed XML.", field=field) from error
    if root.getroottree().docinfo.doctype:
        raise Invalid("The metadata must not hold a document type.", field=field)
    providers = root.findall(".//{urn:oasis:names:tc:SAML:2.0:metadata}IDPSSODescriptor")
    if root.tag == "{urn:oasis:names:tc:SAML:2.0:metadata}IDPSSODescriptor":
        providers.append(root)
    if len(providers) != 1:
        raise Invalid(
            f"The metadata must describe one identity provider; this describes {len(providers)}.", field=field
        )
