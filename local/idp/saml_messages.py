"""SAML messages of the stand-in provider: what it reads, and the signed answer that it makes."""

import base64
import datetime as dt
import uuid
import zlib
from dataclasses import dataclass
from html import escape

from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from local.idp.people import Person
from local.web.messages import BadRequest

NS = {"saml": Saml.NS_SAML, "samlp": Saml.NS_SAMLP}
LIMIT_BYTES = 64_000
VALID_MINUTES = 5


@dataclass(frozen=True)
class AuthnRequest:
    """What a portal asked: id of the request, who asks, and where the answer goes."""

    id: str
    issuer: str
    acs: str


def read_request(encoded: str) -> AuthnRequest:
    """The request of the redirect binding (deflated, base64); raises BadRequest."""
    try:
        inflater = zlib.decompressobj(-15)
        xml = inflater.decompress(base64.b64decode(encoded, validate=True), LIMIT_BYTES)
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except (ValueError, zlib.error, etree.XMLSyntaxError) as error:
        raise BadRequest("SAMLRequest can't be read.") from error
    issuer = root.findtext("saml:Issuer", "", NS)
    request = AuthnRequest(root.get("ID") or "", issuer, root.get("AssertionConsumerServiceURL") or "")
    if root.tag != f"{{{Saml.NS_SAMLP}}}AuthnRequest" or not all((request.id, request.issuer, request.acs)):
        raise BadRequest("SAMLRequest is no AuthnRequest with id, issuer and answer address.")
    return request


def signed_answer(request: AuthnRequest, person: Person, *, entity_id: str, key: str, certificate: str) -> str:
    """The answer as base64: a signed assertion inside a signed response."""
    now = dt.datetime.now(dt.UTC)
    instant, ends = _time(now), _time(now + dt.timedelta(minutes=VALID_MINUTES))
    attributes = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{escape(value)}</saml:AttributeValue></saml:Attribute>'
        for name, value in {"email": person.email, "name": person.name}.items()
    )
    assertion = f"""<saml:Assertion xmlns:saml="{Saml.NS_SAML}" ID="_{uuid.uuid4().hex}" Version="2.0" \
IssueInstant="{instant}"><saml:Issuer>{escape(entity_id)}</saml:Issuer><saml:Subject>\
<saml:NameID Format="{Saml.NAMEID_PERSISTENT}">{escape(person.sub)}</saml:NameID>\
<saml:SubjectConfirmation Method="{Saml.CM_BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="{ends}" \
Recipient="{escape(request.acs)}" InResponseTo="{escape(request.id)}"/></saml:SubjectConfirmation></saml:Subject>\
<saml:Conditions NotBefore="{_time(now - dt.timedelta(minutes=1))}" NotOnOrAfter="{ends}"><saml:AudienceRestriction>\
<saml:Audience>{escape(request.issuer)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
<saml:AuthnStatement AuthnInstant="{instant}" SessionIndex="_{uuid.uuid4().hex}"><saml:AuthnContext>\
<saml:AuthnContextClassRef>{Saml.AC_UNSPECIFIED}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"""
    response = f"""<samlp:Response xmlns:samlp="{Saml.NS_SAMLP}" xmlns:saml="{Saml.NS_SAML}" ID="_{uuid.uuid4().hex}" \
Version="2.0" IssueInstant="{instant}" Destination="{escape(request.acs)}" InResponseTo="{escape(request.id)}">\
<saml:Issuer>{escape(entity_id)}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{Saml.STATUS_SUCCESS}"/>\
</samlp:Status>{_signed(assertion, key, certificate)}</samlp:Response>"""
    return base64.b64encode(_signed(response, key, certificate).encode()).decode()


def metadata(*, entity_id: str, sign_in_url: str, certificate: str) -> str:
    """The provider's metadata."""
    body = "".join(line for line in certificate.splitlines() if "CERTIFICATE" not in line)
    return f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="{Saml.NS_MD}" xmlns:ds="{Saml.NS_DS}" entityID="{escape(entity_id)}">
  <md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{Saml.NS_SAMLP}">
    <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body}</ds:X509Certificate>\
</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:NameIDFormat>{Saml.NAMEID_PERSISTENT}</md:NameIDFormat>
    <md:SingleSignOnService Binding="{Saml.BINDING_HTTP_REDIRECT}" Location="{escape(sign_in_url)}"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
"""


def _signed(xml: str, key: str, certificate: str) -> str:
    signed = OneLogin_Saml2_Utils.add_sign(
        xml, key, certificate, sign_algorithm=Saml.RSA_SHA256, digest_algorithm=Saml.SHA256
    )
    text = signed.decode() if isinstance(signed, bytes) else str(signed)
    return text.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n')


def _time(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
