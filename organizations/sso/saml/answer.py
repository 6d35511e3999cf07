"""
Judges a SAML response.

python3-saml validates schema, signature, issuer, audience, time and subject confirmation. What it leaves optional or
compares loosely is required here exactly (`_strictly`): a request id inside the signed assertion, an equal recipient,
an audience, an end; one reference a signature, to the element that holds it; algorithms from a list.
"""

import base64
import binascii
import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from onelogin.saml2.errors import OneLogin_Saml2_Error
from onelogin.saml2.response import OneLogin_Saml2_Response as Response
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from organizations.sso.claims import CLASS_REF, NAME_ID, flat
from organizations.sso.models import Connection
from organizations.sso.proven import SignInRefused
from organizations.sso.saml import service_provider

LIMIT_CHARACTERS = 400_000
NS = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
ALLOWED_SIGNATURES = {
    *(f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}" for bits in (256, 384, 512)),
    *(f"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha{bits}" for bits in (256, 384, 512)),
}
ALLOWED_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
}
ALLOWED_TRANSFORMS = {
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
}
SUBJECT_ID = "urn:oasis:names:tc:SAML:attribute:subject-id"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


@dataclass(frozen=True)
class ValidAssertion:
    """
    What a valid answer says, all of it from inside the signature.

    `request_id` is the request that it answers; `claims` are the attributes, and the NameID as one of them;
    `authenticated_at` is when the person last proved who they are, if told.
    """

    digest: str
    request_id: str
    uid: str
    claims: dict[str, list[str]]
    ends_at: dt.datetime
    authenticated_at: dt.datetime | None


def judge(connection: Connection, posted: str) -> ValidAssertion:
    """
    The assertion in a posted `SAMLResponse`.

    It still has to be new, and to answer a request that the same browser began. Raises SignInRefused.
    """
    response = _parsed(connection, posted)
    try:
        response.is_valid(service_provider.received_at(connection), raise_exceptions=True)
        assertion = _strictly(connection, response)
        return _read(connection, response, assertion)
    except SignInRefused:
        raise
    except Exception as error:  # python3-saml lets any error of its parsers through: all of them mean "not valid"
        raise invalid(str(error) or type(error).__name__) from error


def claimed_request(connection: Connection, posted: str) -> str:
    """The request that a message says it answers, not judged; empty where it can't be read. For showing a test why."""
    try:
        return str(_parsed(connection, posted).document.get("InResponseTo") or "")[:128]
    except SignInRefused:
        return ""


def malformed(reason: str) -> SignInRefused:
    """The refusal of input that is no SAML message."""
    return SignInRefused(
        "SAML_MALFORMED",
        reason,
        told="What your identity provider sent could not be read.",
        hint="Begin again from the sign-in page. If it happens again, tell your administrator.",
        malformed=True,
    )


def invalid(reason: str) -> SignInRefused:
    """The refusal of a message that is not acceptable; details go to the audit trail only."""
    return SignInRefused(
        "SAML_INVALID",
        reason[:300],
        told="Your identity provider's answer was not accepted.",
        hint="Begin again from the sign-in page. If it happens again, tell your administrator: "
        "the organization's audit log names the reason.",
    )


def _parsed(connection: Connection, posted: str) -> Response:
    if not posted:
        raise malformed("The SAMLResponse field is empty.")
    if len(posted) > LIMIT_CHARACTERS:
        raise malformed("The SAMLResponse field is too large.")
    try:
        decoded = base64.b64decode("".join(posted.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise malformed("The SAMLResponse field is not base64.") from error
    if not decoded.strip() or b"\x00" in decoded:
        raise malformed("The SAMLResponse is empty or holds NUL bytes.")
    try:
        return Response(service_provider.saml_settings(connection), base64.b64encode(decoded).decode())
    except OneLogin_Saml2_Error as error:
        raise invalid(str(error)) from error
    except Exception as error:  # lxml and the parser's guards raise many kinds: not XML, a document type, an entity
        raise malformed(f"Not acceptable XML: {error or type(error).__name__}"[:300]) from error


def _strictly(connection: Connection, response: Response) -> Any:
    """The signed assertion element, after the checks that python3-saml leaves out."""
    root = response.document
    assertions = root.findall("saml:Assertion", NS)
    if root.tag != f"{{{NS['samlp']}}}Response" or len(assertions) != 1:
        raise invalid("The message is not a response with one assertion.")
    if root.xpath("//*[starts-with(local-name(), 'Encrypted')]"):
        # The attack: an encrypted assertion beside a plain one, of which one is judged and the other read.
        raise invalid("Encrypted elements are not taken.")
    ids = root.xpath("//@ID")
    if len(ids) != len(set(ids)):
        raise invalid("An element id occurs twice.")
    for signature in root.iter(f"{{{NS['ds']}}}Signature"):
        _check_signature(signature)
    assertion = assertions[0]
    if assertion.find("ds:Signature", NS) is None:
        raise invalid("The assertion is not signed.")
    audiences = {node.text for node in assertion.findall("saml:Conditions/saml:AudienceRestriction/saml:Audience", NS)}
    if service_provider.entity_id(connection) not in audiences:
        raise invalid("The assertion names no audience, or not this connection.")
    destination = root.get("Destination")
    if destination is not None and destination != service_provider.acs_url(connection):
        raise invalid("The response was made for another address.")
    return assertion


def _check_signature(signature: Any) -> None:
    """
    Refuses signatures that cover something other than the element that holds them, or by weak algorithms.

    The attack (signature wrapping) leaves a valid signature over one element in the document and makes us read another.
    """
    references = signature.findall("ds:SignedInfo/ds:Reference", NS)
    everywhere = list(signature.iter(f"{{{NS['ds']}}}Reference"))
    if len(signature.findall("ds:SignedInfo", NS)) != 1 or len(references) != 1 or len(everywhere) != 1:
        raise invalid("A signature must hold exactly one reference.")
    if references[0].get("URI") != f"#{signature.getparent().get('ID')}":
        raise invalid("A signature covers another element than its own.")
    used = {
        "signature": (signature.iter(f"{{{NS['ds']}}}SignatureMethod"), ALLOWED_SIGNATURES),
        "digest": (signature.iter(f"{{{NS['ds']}}}DigestMethod"), ALLOWED_DIGESTS),
        "transform": (signature.iter(f"{{{NS['ds']}}}Transform"), ALLOWED_TRANSFORMS),
    }
    for what, (nodes, allowed) in used.items():
        for node in nodes:
            if node.get("Algorithm") not in allowed:
                raise invalid(f"The {what} algorithm {node.get('Algorithm')} is not accepted.")


def _confirmation(connection: Connection, response: Response, assertion: Any) -> tuple[str, dt.datetime]:
    """The request id and the end of the bearer confirmation made for this connection."""
    if response.document.get("InResponseTo") is None:
        raise SignInRefused(
            "SAML_UNSOLICITED",
            "The identity provider began the sign-in itself, which is not allowed.",
            told="A sign-in has to begin here, not at your identity provider.",
            hint="Open your organization's sign-in page and begin there.",
        )
    for data in assertion.findall("saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData", NS):
        if data.getparent().get("Method") != "urn:oasis:names:tc:SAML:2.0:cm:bearer":
            continue
        request_id, ends = data.get("InResponseTo"), data.get("NotOnOrAfter")
        if data.get("Recipient") != service_provider.acs_url(connection) or not request_id or not ends:
            continue
        ends_at = _moment(ends)
        if request_id == response.document.get("InResponseTo") and ends_at > dt.datetime.now(dt.UTC):
            return request_id, ends_at
    raise invalid("No confirmation names this address, an end and the request that it answers.")


def _read(connection: Connection, response: Response, assertion: Any) -> ValidAssertion:
    request_id, ends_at = _confirmation(connection, response, assertion)
    attributes = response.get_attributes()
    name_id = response.get_nameid_data()
    uid = _first(attributes, (SUBJECT_ID,))
    if not uid and name_id.get("Format") != TRANSIENT:
        uid = str(name_id.get("Value") or "").strip()
    if not uid or len(uid) > 191 or len(request_id) > 128:
        raise invalid(
            "The assertion carries no lasting subject: neither a NameID that is not transient nor subject-id."
        )
    return ValidAssertion(
        digest=hashlib.sha256(str(assertion.get("ID")).encode()).hexdigest(),
        request_id=request_id,
        uid=uid,
        # An attribute of that name would be what the provider says of itself, too; but only the statement means it.
        claims=flat({NAME_ID: name_id.get("Value") or "", **attributes, CLASS_REF: _class_refs(assertion)}),
        ends_at=ends_at,
        authenticated_at=_authenticated_at(assertion),
    )


def _authenticated_at(assertion: Any) -> dt.datetime | None:
    statement = assertion.find("saml:AuthnStatement[@AuthnInstant]", NS)
    return None if statement is None else _moment(statement.get("AuthnInstant"))


def _class_refs(assertion: Any) -> list[str]:
    nodes = assertion.findall("saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef", NS)
    return [node.text.strip() for node in nodes if node.text]


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(OneLogin_Saml2_Utils.parse_SAML_to_time(text), dt.UTC)


def _first(attributes: dict[str, list[Any]], names: tuple[str, ...]) -> str:
    for name in names:
        for value in attributes.get(name, []):
            if isinstance(value, str):
                return value
    return ""
