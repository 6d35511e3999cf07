"""The beginning of every sign-in: remembers the attempt in the session and names the address to go to."""

from dataclasses import replace

from django.http import HttpRequest

from controlplane.problems import Conflict
from organizations.models import Connection
from organizations.sso import attempts
from organizations.sso.attempts import Attempt
from organizations.sso.oidc import provider as oidc
from organizations.sso.saml import service_provider


def to_platform(request: HttpRequest, attempt: Attempt) -> str:
    """The platform's provider; raises SignInRefused where it can't be used."""
    return _by_oidc(request, oidc.platform(), attempt)


def to_connection(request: HttpRequest, connection: Connection, attempt: Attempt) -> str:
    """An organization's identity provider; raises Conflict for a disabled connection."""
    if not connection.is_enabled:
        raise Conflict(
            "This way of signing in is switched off.",
            hint="Ask an administrator of your organization.",
            code="DISABLED",
        )
    if connection.kind == Connection.Kind.OIDC:
        return _by_oidc(request, oidc.of_connection(connection), attempt)
    request_id, address = service_provider.sign_in_request(connection, afresh=attempt.purpose == "link")
    attempts.remember(request, request_id, attempt)
    return address


def _by_oidc(request: HttpRequest, provider: oidc.Provider, attempt: Attempt) -> str:
    state = oidc.new_secret()
    begun = replace(attempt, nonce=oidc.new_secret(), verifier=oidc.new_secret())
    attempts.remember(request, state, begun)
    return oidc.sign_in_address(
        provider, state=state, nonce=begun.nonce, verifier=begun.verifier, afresh=attempt.purpose == "link"
    )
