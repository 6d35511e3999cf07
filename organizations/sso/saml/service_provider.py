"""Our side of a SAML connection: its addresses, its metadata and the request it sends."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.urls import reverse
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request as AuthnRequest
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.settings import OneLogin_Saml2_Settings as SamlSettings

from organizations.sso.models import Connection

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


def saml_settings(connection: Connection) -> SamlSettings:
    """python3-saml's settings for one connection, strict."""
    return SamlSettings(
        {
            "strict": True,
            "debug": False,
            "security": SECURITY,
            "sp": {
                "entityId": entity_id(connection),
                "assertionConsumerService": {"url": acs_url(connection), "binding": Saml.BINDING_HTTP_POST},
                "NameIDFormat": Saml.NAMEID_UNSPECIFIED,
            },
            "idp": {
                "entityId": connection.issuer,
                "singleSignOnService": {"url": connection.sign_in_url, "binding": Saml.BINDING_HTTP_REDIRECT},
                "x509certMulti": {"signing": list(connection.certificates)},
            },
        }
    )


def own_metadata(connection: Connection) -> bytes:
    """The XML that an administrator gives to the identity provider."""
    xml = saml_settings(connection).get_sp_metadata()
    return xml if isinstance(xml, bytes) else xml.encode()


def sign_in_request(connection: Connection, *, afresh: bool) -> tuple[str, str]:
    """
    The id of a new request and the address that carries it to the identity provider.

    `afresh` asks the provider to authenticate the person again instead of trusting its own session.
    """
    request = AuthnRequest(saml_settings(connection), force_authn=afresh, set_nameid_policy=False)
    separator = "&" if urlsplit(connection.sign_in_url).query else "?"
    return request.get_id(), connection.sign_in_url + separator + urlencode({"SAMLRequest": request.get_request()})


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
