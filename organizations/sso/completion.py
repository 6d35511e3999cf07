"""The end of every sign-in: what a proven identity is good for, or the page that says it is not accepted."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from controlplane import repetitions, rls
from controlplane.actor import Actor, actor_of
from controlplane.problems import Problem
from organizations.actions import join_requests, sign_in, sign_in_tests, sign_in_trail, sign_up
from organizations.frame import home_url
from organizations.models import Connection, User
from organizations.sso import asking, sessions
from organizations.sso.attempts import Attempt
from organizations.sso.demands import Demand
from organizations.sso.oidc.provider import PLATFORM
from organizations.sso.outlook import Fate
from organizations.sso.proven import ProvenIdentity, SignInRefused, no_address
from organizations.sso.second_factor import methods_in

log = structlog.get_logger(__name__)

REMEMBERED_COOKIE = "connection"
REMEMBERED_SECONDS = 180 * 24 * 3600


def complete(
    request: HttpRequest, connection: Connection | None, attempt: Attempt, identity: ProvenIdentity
) -> HttpResponse:
    """
    Do what the attempt was begun for, in one transaction of its own: providers send people back by GET, which has none.

    `connection` is None for the platform's provider. Raises SignInRefused.
    """
    if not identity.email and attempt.purpose != "test":
        raise no_address(connection.kind if connection else "oidc", identity.email_problem)
    with rls.acting_as(actor_of(request).rls_actor):
        if connection is None:
            return _PLATFORM_PURPOSES[attempt.purpose](request, attempt, identity)
        return _CONNECTION_PURPOSES[attempt.purpose](request, connection, attempt, identity)


def refused(request: HttpRequest, connection: Connection | None, refusal: SignInRefused) -> HttpResponse:
    """
    The page of a refused sign-in, which tells what to do and nothing about who exists; audited with the reason.

    Anybody can post rubbish to a connection's address, with words of their own in the reason, so what is
    repeated is counted; the log has it all.
    """
    _note(request, connection, refusal)
    context = {"refusal": refusal, "again": _again(connection)}
    return render(request, "organizations/refused.html", context, status=refusal.status)


def _note(request: HttpRequest, connection: Connection | None, refusal: SignInRefused) -> None:
    target = connection.pk if connection else PLATFORM
    log.warning("sign_in_refused", refusal=refusal.code, reason=refusal.reason, connection=target)
    actor = actor_of(request)
    for organization_id in {connection.organization_id if connection else None, None}:
        repetitions.note(
            by=sign_in_trail.as_known_to(actor, organization_id) if organization_id else actor,
            action=sign_in_trail.REFUSE,
            organization_id=organization_id,
            target=target,
            data={"code": refusal.code, "reason": refusal.reason},
        )


def demanded(request: HttpRequest, demand: Demand, user_id: str) -> HttpResponse:
    """The page for somebody who proved who they are in a way that their organization does not take."""
    organization = demand.organization
    refusal = SignInRefused(
        "SSO_DEMANDED",
        "The organization demands its own sign-in.",
        told=f"{organization} asks you to come in by its own sign-in.",
        hint="Continue there: you go to its identity provider and come back here."
        if demand.connections
        else "That sign-in is switched off at the moment. Ask an owner of the organization.",
    )
    actor = actor_of(request)
    for organization_id, by in ((organization.pk, sign_in_trail.as_known_to(actor, organization.pk)), (None, actor)):
        repetitions.note(
            by=by,
            action=sign_in_trail.REFUSE,
            organization_id=organization_id,
            target=user_id,
            data={"code": refusal.code, "organization": organization.pk},
        )
    onward = reverse("connection", args=[demand.connections[0]]) if demand.connections else ""
    context = {"refusal": refusal, "again": reverse("sign-in"), "onward": onward}
    return render(request, "organizations/refused.html", context, status=refusal.status)


def problem_as_refusal(problem: Problem) -> SignInRefused:
    """A refusal with a problem's words, for actions that sign-in shares with other doors."""
    return SignInRefused(problem.code, problem.detail, told=problem.detail, hint=problem.hint)


def _again(connection: Connection | None) -> str:
    return reverse("connection", args=[connection.pk]) if connection else reverse("sign-in")


def _platform_sign_in(request: HttpRequest, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    user = sign_in.by_platform(by=actor_of(request), identity=identity)
    return sessions.begin(request, user, way=PLATFORM, next_address=attempt.next, how="provider")


def _platform_founding(request: HttpRequest, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    user = sign_in.by_platform(by=actor_of(request), identity=identity)
    sessions.begin(request, user, way=PLATFORM, how="provider")
    actor = person(request, user)
    with rls.acting_as(actor.rls_actor):
        organization = sign_up.found(by=actor, **attempt.details)
    return redirect(home_url(organization.pk))


def _connection_sign_in(
    request: HttpRequest, connection: Connection, attempt: Attempt, identity: ProvenIdentity
) -> HttpResponse:
    try:
        entered = sign_in.by_connection(by=actor_of(request), connection=connection, identity=identity)
    except SignInRefused as refusal:
        return _stranger(request, connection, identity, refusal)
    if isinstance(entered, SignInRefused):
        return refused(request, connection, entered)
    return _enter(request, connection, entered, attempt, identity)


def _stranger(
    request: HttpRequest, connection: Connection, identity: ProvenIdentity, refusal: SignInRefused
) -> HttpResponse:
    """Leads somebody who does not belong to where they can ask to join; raises the refusal where nobody may ask."""
    if refusal.code != Fate.NOT_A_MEMBER:
        raise refusal
    if join_requests.askable_by_connection(connection=connection, identity=identity) is None:
        raise refusal
    _note(request, connection, refusal)
    asking.remember(request, connection.pk, identity)
    return redirect("connection-ask", connection.pk)


def _testing(request: HttpRequest, connection: Connection, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    """Nobody is signed in: what came is kept for the administrator who began the test, and shown."""
    try:
        sign_in_tests.record(
            by=actor_of(request), connection=connection, test_id=attempt.details.get("test", ""), identity=identity
        )
    except Problem as problem:
        raise problem_as_refusal(problem) from problem
    return redirect("settings:sso-test", connection.organization_id, connection.pk)


def _confirming(
    request: HttpRequest, connection: Connection, attempt: Attempt, identity: ProvenIdentity
) -> HttpResponse:
    user = _still_signed_in(request, attempt)
    _same_person(user, identity)
    entered = sign_in.by_connection(by=actor_of(request), connection=connection, identity=identity)
    if isinstance(entered, SignInRefused):
        return refused(request, connection, entered)
    methods = methods_in(connection.kind, identity.claims)
    return sessions.begin(request, user, way=connection.pk, next_address=attempt.next, methods=methods)


def _platform_confirming(request: HttpRequest, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    user = _still_signed_in(request, attempt)
    _same_person(user, identity)
    return sessions.begin(request, user, way=PLATFORM, next_address=attempt.next, how="provider")


def _platform_linking(request: HttpRequest, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    user = _still_signed_in(request, attempt)
    try:
        sign_in.link_platform(by=actor_of(request), identity=identity)
    except Problem as problem:
        raise problem_as_refusal(problem) from problem
    return sessions.begin(request, user, way=PLATFORM, next_address=attempt.next, how="provider")


def _same_person(signed_in: User, identity: ProvenIdentity) -> None:
    """The attack: somebody at a browser that was left open confirms with an account of their own."""
    proven = sign_in.holder(identity)
    if proven is None or proven.pk != signed_in.pk:
        raise SignInRefused(
            "CONFIRMED_BY_ANOTHER",
            "Another person was proven than the one who is signed in.",
            told="You signed in as somebody else than you are here.",
            hint="Confirm with the account that you are signed in with.",
        )


def _still_signed_in(request: HttpRequest, attempt: Attempt) -> User:
    """The person who began must still be the one who is signed in, or a swapped session would be tied to a stranger."""
    if not request.user.is_authenticated or request.user.pk != attempt.details.get("user"):
        raise SignInRefused(
            "LINK_INTERRUPTED",
            "Another person, or nobody, is signed in than when this began.",
            told="Nothing was changed, because you are no longer signed in.",
            hint="Sign in and begin again.",
        )
    return User.objects.get(pk=request.user.pk)


def _linking(request: HttpRequest, connection: Connection, attempt: Attempt, identity: ProvenIdentity) -> HttpResponse:
    user = _still_signed_in(request, attempt)
    try:
        refusal = sign_in.link(by=actor_of(request), connection=connection, identity=identity)
    except Problem as problem:
        raise problem_as_refusal(problem) from problem
    if refusal is not None:
        return refused(request, connection, refusal)
    return _enter(request, connection, user, attempt, identity)


def _enter(
    request: HttpRequest, connection: Connection, user: User, attempt: Attempt, identity: ProvenIdentity
) -> HttpResponse:
    address = attempt.next or home_url(connection.organization_id)
    methods = methods_in(connection.kind, identity.claims)
    response = sessions.begin(request, user, way=connection.pk, next_address=address, methods=methods)
    return remember(request, response, connection)


def remember(request: HttpRequest, response: HttpResponse, connection: Connection) -> HttpResponse:
    """Keep in the browser which connection was used in it last, for the sign-in page. Returns `response`."""
    response.set_signed_cookie(
        REMEMBERED_COOKIE,
        connection.pk,
        max_age=REMEMBERED_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


def person(request: HttpRequest, user: User) -> Actor:
    """The actor of somebody who was signed in during this very request."""
    known = actor_of(request)
    return Actor(
        user_id=user.pk,
        kind="user",
        session_id=str(request.session[sessions.SESSION_ID_KEY]),
        request_id=known.request_id,
        address=known.address,
    )


_PLATFORM_PURPOSES: dict[str, Callable[[HttpRequest, Attempt, ProvenIdentity], HttpResponse]] = {
    "sign_in": _platform_sign_in,
    "found": _platform_founding,
    "link": _platform_linking,
    "confirm": _platform_confirming,
}
_CONNECTION_PURPOSES: dict[str, Callable[[HttpRequest, Connection, Attempt, ProvenIdentity], HttpResponse]] = {
    "sign_in": _connection_sign_in,
    "link": _linking,
    "test": _testing,
    "confirm": _confirming,
}
