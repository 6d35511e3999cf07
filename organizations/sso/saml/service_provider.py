"""Our side of a SAML connection: its addresses, its metadata and the request it sends."""

import base64
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.urls import reverse
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request as AuthnRequest
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.settings import OneLogin_Saml2_Settings as SamlSettings

from organizations.sso.models import Connection

# A response's own signature is checked where there is one and not demanded: all that is read stands inside the signed
# assertion (`answer`), and so does every condition but the status. A provider that refuses somebody signs no assertion.
SECURITY: dict[str, Any] = {
    "wantAssertionsSigned": True,
    "wantNameId": True,
    "wantAttributeStatement": False,
    "rejectDeprecatedAlgorithm": True,
    "allowRepeatAttributeName": True,
    "requestedAuthnContext": False,
    "signatureAlgorithm": Saml.RSA_SHA256,
    "digestAlgorithm": Saml.SHA256,
    "allowSingleLabelDomains": True,
}


def absolute(name: str, connection: Connection) -> str:
    """Address of one of our views under the fixed base URL. The Host header of a request never decides it."""
    return str(settings.BASE_URL) + reverse(name, args=[connection.pk])


def acs_url(connection: Connection) -> str:
    """Where the identity provider posts its answers."""
    return absolute("saml-acs", connection)


def entity_id(connection: Connection) -> str:
    """Our name towards this connection's identity provider: one a connection, so that an audience is never shared."""
    return absolute("saml-metadata", connection)


def saml_settings(connection: Connection, *, own: dict[str, str] | None = None) -> SamlSettings:
    """
    python3-saml's settings for one connection, strict.

    Args: own: our key and certificates, for our metadata only. Nothing that is judged sees our key: what somebody
    encrypts under our public certificate must stay unreadable.
    """
    return SamlSettings(
        {
            "strict": True,
            "debug": False,
            "security": {**SECURITY, "authnRequestsSigned": bool(own)},
            "sp": {
                "entityId": entity_id(connection),
                "assertionConsumerService": {"url": acs_url(connection), "binding": Saml.BINDING_HTTP_POST},
                "NameIDFormat": Saml.NAMEID_UNSPECIFIED,
                **(own or {}),
            },
            "idp": {
                "entityId": connection.issuer,
                "singleSignOnService": {"url": connection.sign_in_url, "binding": Saml.BINDING_HTTP_REDIRECT},
                "x509certMulti": {"signing": list(connection.certificates)},
            },
        }
    )


def own_metadata(connection: Connection) -> bytes:
    """The XML that an administrator gives to the identity provider: with our certificate, and the next one."""
    own = {
        "x509cert": connection.request_certificate,
        "x509certNew": connection.next_request_certificate,
        "privateKey": connection.request_key,
    }
    signing = {name: value for name, value in own.items() if value}
    xml = saml_settings(connection, own=signing if connection.signs_requests else None).get_sp_metadata()
    return xml if isinstance(xml, bytes) else xml.encode()


def sign_in_request(connection: Connection, *, afresh: bool) -> tuple[str, str]:
    """
    The id of a new request and the address that carries it to the identity provider.

    `afresh` asks the provider to authenticate the person again instead of trusting its own session.
    """
    request = AuthnRequest(saml_settings(connection), force_authn=afresh, set_nameid_policy=False)
    separator = "&" if urlsplit(connection.sign_in_url).query else "?"
    query = urlencode({"SAMLRequest": request.get_request()})
    if connection.signs_requests:
        query = _signed(query, connection.request_key)
    return request.get_id(), connection.sign_in_url + separator + query


def _signed(query: str, key: str) -> str:
    """A query with its signature (SAML 2.0 bindings, section 3.4.4.1)."""
    private = load_pem_private_key(key.encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("Our keys for requests are RSA keys.")
    whole = f"{query}&{urlencode({'SigAlg': Saml.RSA_SHA256})}"
    signature = base64.b64encode(private.sign(whole.encode(), padding.PKCS1v15(), SHA256())).decode()
    return f"{whole}&{urlencode({'Signature': signature})}"


def received_at(connection: Connection) -> dict[str, Any]:
    """What python3-saml takes for the request that brought an answer: always our own address, never its headers."""
    parts = urlsplit(acs_url(connection))
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }
