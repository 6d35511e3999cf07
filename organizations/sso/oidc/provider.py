"""OpenID providers: what we know of one, how that is discovered, and the address that takes a browser there."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from controlplane.environment import environment
from controlplane.problems import Invalid
from organizations.sso import outgoing
from organizations.sso.models import LONGEST_ADDRESS, LONGEST_ISSUER, Connection
from organizations.sso.proven import SignInRefused

PLATFORM = "platform"
DISCOVERY_SECONDS = 600
ENDPOINTS = {
    "authorization_endpoint": "authorization endpoint",
    "token_endpoint": "token endpoint",
    "userinfo_endpoint": "userinfo endpoint",
    "jwks_uri": "key set address",
}


@dataclass(frozen=True)
class Provider:
    """An OpenID provider as we use it. `key` is a connection's id or "platform"."""

    key: str
    provider_id: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    endpoints: dict[str, str]
    former_secret: str = field(default="", repr=False)
    mapping: Mapping[str, str] = field(default_factory=dict)
    more_scopes: str = ""

    @property
    def redirect_uri(self) -> str:
        """Where answers arrive: one address a provider, so that one provider's answer never reaches another's door."""
        return redirect_address(self.key)


@dataclass(frozen=True)
class Discovered:
    """What an issuer published when it was asked: its endpoints, all checked."""

    issuer: str
    endpoints: dict[str, str]


def redirect_address(key: str) -> str:
    """Where the answers of a connection's provider (or of "platform") arrive."""
    return str(settings.BASE_URL) + reverse("oidc-callback", args=[key])


def of_connection(connection: Connection) -> Provider:
    """The provider of an organization's connection, from what was pinned when it was saved."""
    return Provider(
        connection.pk,
        connection.provider_id,
        connection.issuer,
        connection.client_id,
        connection.client_secret,
        {"authorization_endpoint": connection.sign_in_url, **connection.endpoints},
        connection.former_secret,
        connection.mapping,
        connection.scopes,
    )


def platform_is_configured() -> bool:
    """Whether this installation has a provider of its own."""
    return bool(environment().oidc_issuer and environment().oidc_client_id)


def platform_issuer() -> str:
    """The issuer of the platform's own provider; empty where there is none."""
    return environment().oidc_issuer


def platform() -> Provider:
    """The platform's own provider; raises SignInRefused where it does not answer or none is configured."""
    told = environment()
    if not platform_is_configured():
        raise unavailable("This installation has no sign-in provider of its own.")
    try:
        endpoints = _platform_endpoints(told.oidc_issuer)
    except Invalid as error:
        raise unavailable(error.detail) from error
    return Provider(PLATFORM, PLATFORM, told.oidc_issuer, told.oidc_client_id, told.oidc_client_secret, endpoints)


def platform_origins() -> list[str]:
    """Where forms that begin the platform's sign-in lead, for the page's content policy."""
    if not platform_is_configured():
        return []
    known = cache.get(_cache_key(platform_issuer())) or {}
    addresses = [platform_issuer(), *filter(None, [known.get("authorization_endpoint")])]
    return sorted({outgoing.origin_of(address) for address in addresses})


def _platform_endpoints(issuer: str) -> dict[str, str]:
    known: dict[str, str] | None = cache.get(_cache_key(issuer))
    if known is None:
        known = discover(issuer).endpoints
        cache.set(_cache_key(issuer), known, DISCOVERY_SECONDS)
    return dict(known)


def _cache_key(issuer: str) -> str:
    return "oidc-discovery:" + hashlib.sha256(issuer.encode()).hexdigest()


def discover(issuer: str) -> Discovered:
    """
    Ask an issuer for its endpoints, outside any transaction; raises Invalid naming the field `issuer`.

    The document must name the very issuer it was asked for, or one provider could speak for another.
    """
    if len(issuer) > LONGEST_ISSUER:
        raise Invalid(f"The issuer has at most {LONGEST_ISSUER} characters.", field="issuer")
    document = _discovery_document(issuer)
    if document.get("issuer") != issuer:
        raise Invalid(f"The discovery document names another issuer than {issuer}.", field="issuer")
    endpoints = {}
    for name, what in ENDPOINTS.items():
        address = document.get(name)
        if not isinstance(address, str) or len(address) > LONGEST_ADDRESS:
            raise Invalid(f"The discovery document names no usable {what}.", field="issuer")
        try:
            outgoing.checked(address, what)
        except outgoing.OutgoingRefused as error:
            raise Invalid(str(error), field="issuer") from error
        endpoints[name] = address
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    endpoints["token_auth"] = "basic" if "client_secret_basic" in methods else "post"
    return Discovered(issuer, endpoints)


def sign_in_address(provider: Provider, *, state: str, nonce: str, verifier: str, afresh: bool) -> str:
    """The address that takes the browser to the provider. `afresh` asks it to authenticate the person again."""
    endpoint = provider.endpoints["authorization_endpoint"]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect_uri,
        "scope": " ".join(["openid", "email", "profile", *provider.more_scopes.split()]),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"prompt": "login", "max_age": "0"} if afresh else {}),
    }
    return endpoint + ("&" if urlsplit(endpoint).query else "?") + urlencode(query)


def new_secret() -> str:
    """A state, nonce or PKCE verifier: 256 random bits."""
    return secrets.token_urlsafe(32)


def unavailable(reason: str) -> SignInRefused:
    """The refusal where the provider can't be reached or used."""
    return SignInRefused(
        "OIDC_UNAVAILABLE",
        reason[:300],
        told="The sign-in provider can't be used at the moment.",
        hint="Nothing was changed. Try again in a few minutes.",
    )


def json_object(body: bytes, what: str) -> dict[str, Any]:
    """A JSON object; raises OutgoingRefused where `what` answered with anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise outgoing.OutgoingRefused(f"The {what} did not answer with JSON.") from error
    if not isinstance(value, dict):
        raise outgoing.OutgoingRefused(f"The {what} did not answer with a JSON object.")
    return value


def _discovery_document(issuer: str) -> dict[str, Any]:
    what = "discovery address"
    try:
        answer = outgoing.get(issuer.rstrip("/") + "/.well-known/openid-configuration", what=what)
        if answer.status != 200:
            raise Invalid(f"The {what} answered with status {answer.status}.", field="issuer")
        return json_object(answer.body, what)
    except outgoing.OutgoingRefused as error:
        raise Invalid(str(error), field="issuer") from error
