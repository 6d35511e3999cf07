"""The beginning of every sign-in: remembers the attempt in the session and names the address to go to."""

from dataclasses import replace

from django.http import HttpRequest

from controlplane.problems import Conflict
from organizations.actions.sign_in import connection_by_id
from organizations.models import Connection
from organizations.sso import attempts
from organizations.sso.attempts import Attempt
from organizations.sso.oidc import provider as oidc
from organizations.sso.saml import service_provider

# What is begun to prove once more who somebody is: the provider must ask them, not remember them.
ANEW = ("link", "confirm")


def to(request: HttpRequest, attempt: Attempt) -> str:
    """The provider that the attempt names; raises SignInRefused, Conflict and NotFound as the two below do."""
    if attempt.connection == oidc.PLATFORM:
        return to_platform(request, attempt)
    return to_connection(request, connection_by_id(attempt.connection), attempt)


def to_platform(request: HttpRequest, attempt: Attempt) -> str:
    """The platform's provider; raises SignInRefused where it can't be used."""
    return _by_oidc(request, oidc.platform(), attempt)[1]


def to_connection(request: HttpRequest, connection: Connection, attempt: Attempt) -> str:
    """An organization's identity provider; raises Conflict for a disabled connection."""
    return begun(request, connection, attempt)[1]


def begun(request: HttpRequest, connection: Connection, attempt: Attempt) -> tuple[str, str]:
    """
    The key that the provider's answer must carry, and the address that leads there.

    Raises Conflict for a disabled connection, which can only be tested.
    """
    if not connection.is_enabled and attempt.purpose != "test":
        raise Conflict(
            "This way of signing in is switched off.",
            hint="Ask an administrator of your organization.",
            code="DISABLED",
        )
    if connection.kind == Connection.Kind.OIDC:
        return _by_oidc(request, oidc.of_connection(connection), attempt)
    request_id, address = service_provider.sign_in_request(connection, afresh=attempt.purpose in ANEW)
    attempts.remember(request, request_id, attempt)
    return request_id, address


def _by_oidc(request: HttpRequest, provider: oidc.Provider, attempt: Attempt) -> tuple[str, str]:
    state = oidc.new_secret()
    kept = replace(attempt, nonce=oidc.new_secret(), verifier=oidc.new_secret())
    attempts.remember(request, state, kept)
    address = oidc.sign_in_address(
        provider, state=state, nonce=kept.nonce, verifier=kept.verifier, afresh=attempt.purpose in ANEW
    )
    return state, address
