"""An identity provider of the tests: real signed SAML messages, honest by default, hostile by request."""

import base64
import datetime as dt
import uuid
import zlib
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.utils import OneLogin_Saml2_Utils

BEARER = Saml.CM_BEARER


def new_pair(*, bits: int = 2048, days: int = 30) -> tuple[str, str]:
    """A key and its certificate as PEM. Negative days give one that has ended."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=90))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


HONEST_PAIR = new_pair()
OTHER_PAIR = new_pair()


@dataclass
class SamlIdp:
    """One identity provider. `answer` makes a response; every keyword of it is a lie it can tell."""

    entity_id: str = "https://idp.example/metadata"
    sign_in_url: str = "https://idp.example/sso"
    pair: tuple[str, str] = field(default_factory=lambda: HONEST_PAIR)

    def metadata(self, **changes: str) -> str:
        """Its metadata; `changes` replace parts of the text."""
        certificate = "".join(line for line in self.pair[1].splitlines() if "CERTIFICATE" not in line)
        text = (
            f'<md:EntityDescriptor xmlns:md="{Saml.NS_MD}" xmlns:ds="{Saml.NS_DS}" entityID="{self.entity_id}">'
            f'<md:IDPSSODescriptor protocolSupportEnumeration="{Saml.NS_SAMLP}"><md:KeyDescriptor use="signing">'
            f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            f'</md:KeyDescriptor><md:SingleSignOnService Binding="{Saml.BINDING_HTTP_REDIRECT}" '
            f'Location="{self.sign_in_url}"/></md:IDPSSODescriptor></md:EntityDescriptor>'
        )
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    def answer(self, request: "Asked", **lies: object) -> str:
        """A response as the posted field, base64."""
        return encoded(self.answer_xml(request, **lies))

    def answer_xml(
        self,
        request: "Asked",
        *,
        uid: str = "alice",
        email: str | None = "alice@acme.example",
        name_id_format: str = Saml.NAMEID_PERSISTENT,
        issuer: str | None = None,
        audience: str | None = "",
        recipient: str | None = "",
        destination: str | None = "",
        in_response_to: str | None = "",
        confirmed_for: str | None = "",
        begins: int = -60,
        ends: int = 300,
        confirmation_ends: int | None = 300,
        status: str = Saml.STATUS_SUCCESS,
        context: str = Saml.AC_PASSWORD,
        sign_assertion: bool = True,
        sign_response: bool = True,
        pair: tuple[str, str] | None = None,
        signature: str = Saml.RSA_SHA256,
        digest: str = Saml.SHA256,
        assertion_id: str = "",
        attributes: str | None = None,
        authenticated: int | None = 0,
    ) -> str:
        """The response as XML. An empty string means "as it should be", None leaves the thing out."""
        key, certificate = pair or self.pair
        irt = _given(in_response_to, request.id)
        confirmed = _given(confirmed_for, request.id)
        stated = attributes
        if stated is None:
            stated = f'<saml:Attribute Name="email"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute>'
        data = _attributes(
            NotOnOrAfter=None if confirmation_ends is None else _time(confirmation_ends),
            Recipient=_given(recipient, request.acs),
            InResponseTo=confirmed,
        )
        instant = _attributes(AuthnInstant=None if authenticated is None else _time(authenticated))
        restricted = _given(audience, request.issuer)
        assertion = (
            f'<saml:Assertion xmlns:saml="{Saml.NS_SAML}" ID="{assertion_id or _id()}" Version="2.0" '
            f'IssueInstant="{_time(0)}"><saml:Issuer>{issuer or self.entity_id}</saml:Issuer><saml:Subject>'
            f'<saml:NameID Format="{name_id_format}">{uid}</saml:NameID><saml:SubjectConfirmation Method="{BEARER}">'
            f"<saml:SubjectConfirmationData{data}/></saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{_time(begins)}" NotOnOrAfter="{_time(ends)}">'
            + (
                f"<saml:AudienceRestriction><saml:Audience>{restricted}</saml:Audience></saml:AudienceRestriction>"
                if restricted
                else ""
            )
            + f"</saml:Conditions><saml:AuthnStatement{instant}><saml:AuthnContext>"
            f"<saml:AuthnContextClassRef>{context}</saml:AuthnContextClassRef></saml:AuthnContext>"
            "</saml:AuthnStatement>"
            + (f"<saml:AttributeStatement>{stated}</saml:AttributeStatement>" if email or attributes else "")
            + "</saml:Assertion>"
        )
        if sign_assertion:
            assertion = signed(assertion, key, certificate, signature, digest)
        outer = _attributes(Destination=_given(destination, request.acs), InResponseTo=irt)
        response = (
            f'<samlp:Response xmlns:samlp="{Saml.NS_SAMLP}" xmlns:saml="{Saml.NS_SAML}" ID="{_id()}" Version="2.0" '
            f'IssueInstant="{_time(0)}"{outer}><saml:Issuer>{issuer or self.entity_id}</saml:Issuer><samlp:Status>'
            f'<samlp:StatusCode Value="{status}"/></samlp:Status>{assertion}</samlp:Response>'
        )
        return signed(response, key, certificate, signature, digest) if sign_response else response


@dataclass(frozen=True)
class Asked:
    """What the portal asked by its redirect."""

    id: str
    issuer: str
    acs: str
    forced: bool

    @classmethod
    def of(cls, location: str) -> "Asked":
        """Reads the request of the redirect binding."""
        message = parse_qs(urlsplit(location).query)["SAMLRequest"][0]
        root = etree.fromstring(zlib.decompress(base64.b64decode(message), -15))
        return cls(
            root.get("ID"),
            root.findtext(f"{{{Saml.NS_SAML}}}Issuer"),
            root.get("AssertionConsumerServiceURL"),
            root.get("ForceAuthn") == "true",
        )


def signed(xml: str, key: str, certificate: str, signature: str = Saml.RSA_SHA256, digest: str = Saml.SHA256) -> str:
    """`xml` with an enveloped signature."""
    done = OneLogin_Saml2_Utils.add_sign(xml, key, certificate, sign_algorithm=signature, digest_algorithm=digest)
    text = done.decode() if isinstance(done, bytes) else done
    return text.partition("?>\n")[2] if text.startswith("<?xml") else text


def encoded(xml: str | bytes) -> str:
    """As the posted field."""
    return base64.b64encode(xml.encode() if isinstance(xml, str) else xml).decode()


def _given(value: str | None, proper: str) -> str | None:
    return proper if value == "" else value


def _attributes(**values: str | None) -> str:
    return "".join(f' {name}="{value}"' for name, value in values.items() if value is not None)


def _id() -> str:
    return f"_{uuid.uuid4().hex}"


def _time(seconds: int) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
