"""The door through which OpenID providers send people back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from controlplane.actor import actor_of
from controlplane.problems import NotFound
from controlplane.transactions import calls_out
from organizations.actions import renewing, sign_in_tests
from organizations.actions.sign_in import connection_by_id
from organizations.models import Connection
from organizations.sso import attempts, completion
from organizations.sso.attempts import Attempt
from organizations.sso.departure import ANEW
from organizations.sso.oidc import answer
from organizations.sso.oidc import provider as oidc
from organizations.sso.proven import ProvenIdentity, SignInRefused


@calls_out
@never_cache
@require_GET
def callback(request: HttpRequest, key: str) -> HttpResponse:
    """Judges the answer to a sign-in that this browser began. `key` is a connection's id or "platform"."""
    connection = _connection(key)
    attempt = attempts.take(request, request.GET.get("state", ""), key)
    try:
        if attempt is None:
            raise _not_begun_here()
        return completion.complete(request, connection, attempt, _proven(request, connection, attempt))
    except SignInRefused as refusal:
        test = attempt.details.get("test", "") if attempt else ""
        if connection and sign_in_tests.refuse(
            by=actor_of(request), connection=connection, refusal=refusal, test_id=test
        ):
            return redirect("settings:sso-test", connection.organization_id, connection.pk)
        return completion.refused(request, connection, refusal)


def _proven(request: HttpRequest, connection: Connection | None, attempt: Attempt) -> ProvenIdentity:
    _check_address(request, connection)
    provider = oidc.of_connection(connection) if connection else oidc.platform()
    identity = answer.prove(
        provider,
        code=_code(request),
        nonce=attempt.nonce,
        verifier=attempt.verifier,
        afresh=attempt.purpose in ANEW,
    )
    if connection and connection.former_secret and not identity.by_former_secret:
        renewing.forget_former_secret(connection=connection)
    return identity


def _connection(key: str) -> Connection | None:
    if key == oidc.PLATFORM:
        return None
    connection = connection_by_id(key)
    if connection.kind != Connection.Kind.OIDC:
        raise NotFound
    return connection


def _check_address(request: HttpRequest, connection: Connection | None) -> None:
    """Compares the issuer that the address names (RFC 9207), against answers mixed up between providers."""
    named = request.GET.get("iss")
    expected = connection.issuer if connection else oidc.platform_issuer()
    if named is not None and named != expected:
        raise answer.invalid(f"The answer names another issuer ({named[:100]}).")


def _code(request: HttpRequest) -> str:
    error, code = request.GET.get("error"), request.GET.get("code", "")
    if error or not code or len(code) > 2048:
        raise SignInRefused(
            "OIDC_DENIED",
            f"The provider answered {error or 'without a code'}."[:300],
            told="Your sign-in provider did not sign you in.",
            hint="Begin again, and agree to share your e-mail address.",
        )
    return code


def _not_begun_here() -> SignInRefused:
    return SignInRefused(
        "OIDC_NOT_BEGUN_HERE",
        "The state belongs to no sign-in of this browser and provider, or came back too late.",
        told="This browser did not begin this sign-in, or it took too long.",
        hint="Begin again from the sign-in page, in the same window. Cookies must be allowed.",
    )
