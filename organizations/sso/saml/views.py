"""Doors of SAML: our metadata, the address that takes answers, and the browser's return with its session."""

import datetime as dt

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.problems import NotFound
from organizations.actions import sign_in_tests
from organizations.actions.sign_in import connection_by_id
from organizations.models import Connection, SeenAssertion
from organizations.sso import attempts, completion
from organizations.sso.attempts import Attempt
from organizations.sso.claims import told_by
from organizations.sso.departure import ANEW
from organizations.sso.proven import ProvenIdentity, SignInRefused, no_address
from organizations.sso.saml import answer, service_provider

LEEWAY = dt.timedelta(seconds=60)
RETURN_WITHIN = dt.timedelta(minutes=5)
KEEP_LONGER = dt.timedelta(minutes=10)
# An answer may claim to be good for centuries. The browser's own attempt, without which it is worth nothing, is not.
LONGEST_KEPT = dt.timedelta(days=1)


@require_GET
def metadata(request: HttpRequest, connection_id: str) -> HttpResponse:
    """What the administrator gives to the identity provider: our entity id and the address that takes answers."""
    xml = service_provider.own_metadata(_saml_connection(connection_id))
    return HttpResponse(xml, content_type="application/samlmetadata+xml")


@csrf_exempt
@never_cache
@require_POST
def acs(request: HttpRequest, connection_id: str) -> HttpResponse:
    """
    Takes an answer, judges it, uses it up, and sends the browser on.

    The identity provider's page posts here across sites, so the browser brings no session cookie: whether it began
    this sign-in is asked at `finish`, where it does.
    """
    connection = _saml_connection(connection_id)
    posted = request.POST.get("SAMLResponse", "")
    try:
        _use_up(connection, answer.judge(connection, posted))
    except SignInRefused as refusal:
        key = answer.claimed_request(connection, posted)
        if sign_in_tests.refuse(by=actor_of(request), connection=connection, refusal=refusal, key=key):
            return redirect("settings:sso-test", connection.organization_id, connection.pk)
        return completion.refused(request, connection, refusal)
    return HttpResponseRedirect(reverse("saml-finish", args=[connection.pk]), status=303)


@never_cache
@require_GET
def finish(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Signs in the browser that began: its session must hold the request that the assertion answers."""
    connection = _saml_connection(connection_id)
    try:
        seen = _take(connection, attempts.keys_for(request, connection.pk))
        attempt = attempts.take(request, seen.in_response_to, connection.pk) if seen else None
        if seen is None or attempt is None:
            raise _not_begun_here()
        if attempt.purpose in ANEW:
            _check_freshness(seen, attempt)
        return completion.complete(request, connection, attempt, _identity(connection, seen))
    except SignInRefused as refusal:
        return completion.refused(request, connection, refusal)


def _saml_connection(connection_id: str) -> Connection:
    connection = connection_by_id(connection_id)
    if connection.kind != Connection.Kind.SAML:
        raise NotFound
    return connection


def _use_up(connection: Connection, valid: answer.ValidAssertion) -> None:
    """
    Keeps the assertion until it would be too old anyway.

    The attack is a second delivery of the same answer, to this process or any other: the unique constraint decides.
    """
    told = told_by(connection.kind, connection.mapping, valid.claims)
    if not told.email and not sign_in_tests.is_awaited(connection, valid.request_id):
        raise no_address(connection.kind, told.problem)
    try:
        with rls.acting_as(f"org:{connection.organization_id}"):
            SeenAssertion.objects.filter(connection=connection, keep_until__lt=timezone.now()).delete()
            SeenAssertion.objects.create(
                organization_id=connection.organization_id,
                connection=connection,
                assertion_digest=valid.digest,
                in_response_to=valid.request_id,
                uid=valid.uid,
                email=told.email,
                name=told.name,
                claims=valid.claims,
                authenticated_at=valid.authenticated_at,
                keep_until=min(valid.ends_at, timezone.now() + LONGEST_KEPT) + KEEP_LONGER,
            )
    except IntegrityError as error:
        raise SignInRefused(
            "SAML_REPLAYED",
            "The assertion, or an answer to the same request, was used before.",
            told="This answer of your identity provider was used already.",
            hint="Begin again from the sign-in page.",
        ) from error


def _take(connection: Connection, request_ids: list[str]) -> SeenAssertion | None:
    """The newest answer to one of this browser's requests, taken by this call alone."""
    with rls.acting_as(f"org:{connection.organization_id}"):
        waiting = SeenAssertion.objects.filter(
            connection=connection,
            in_response_to__in=request_ids,
            taken_at__isnull=True,
            received_at__gt=timezone.now() - RETURN_WITHIN,
        )
        seen = waiting.order_by("-received_at").first()
        if seen is None or not waiting.filter(pk=seen.pk).update(taken_at=timezone.now(), claims={}):
            return None
        return seen


def _identity(connection: Connection, seen: SeenAssertion) -> ProvenIdentity:
    told = told_by(connection.kind, connection.mapping, seen.claims)
    return ProvenIdentity(
        connection.provider_id,
        seen.uid,
        told.email,
        told.name,
        email_problem=told.problem,
        groups=told.groups,
        claims=seen.claims,
    )


def _check_freshness(seen: SeenAssertion, attempt: Attempt) -> None:
    """
    Refuses an answer that the provider gave out of a session of its own, though it was asked to authenticate anew.

    The attack: whoever sits at a browser that somebody left signed in there ties that person's identity to an account.
    """
    begun = dt.datetime.fromtimestamp(attempt.begun_at, dt.UTC)
    if seen.authenticated_at is None or not begun - LEEWAY <= seen.authenticated_at <= timezone.now() + LEEWAY:
        raise SignInRefused(
            "SAML_NOT_FRESH",
            f"The provider did not authenticate the person again (AuthnInstant {seen.authenticated_at}).",
            told="Your identity provider did not ask you to sign in again.",
            hint="Sign out there, then begin again here.",
        )


def _not_begun_here() -> SignInRefused:
    return SignInRefused(
        "SAML_NOT_BEGUN_HERE",
        "The answer belongs to no request of this browser and connection, or came back too late.",
        told="This browser did not begin this sign-in, or it took too long.",
        hint="Begin again from the sign-in page, in the same window. Cookies must be allowed.",
    )
