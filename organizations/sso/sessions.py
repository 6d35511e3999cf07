"""
What a browser session has proven, and for which organizations that counts.

A session holds one proof per way it was proven: "platform" or a connection's id, with the time. A connection's proof
counts for that connection's own organization and nowhere else, the platform's where an organization's policy takes it.
"""

import time

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.ids import new_id
from organizations.actions import emergency, facts
from organizations.models import User
from organizations.queries import reach_of
from organizations.sso.adapter import PROVEN_ATTRIBUTE, PROVEN_WAY_ATTRIBUTE
from organizations.sso.demands import demands_on
from organizations.sso.oidc.provider import PLATFORM

PROOFS_KEY = "proofs"
SESSION_ID_KEY = "session_id"
PROOF_SECONDS = 12 * 3600
FRESH_SECONDS = 600


def begin(request: HttpRequest, user: User, *, way: str, next_address: str = "") -> HttpResponse:
    """
    Sign `user` in with a proof by `way` ("platform" or a connection's id), and send them on.

    A session of somebody else ends first. The session's key changes, so that one planted before sign-in is worthless.
    """
    same = request.user.is_authenticated and request.user.pk == user.pk
    if request.user.is_authenticated and not same:
        end(request)
    kept = _fresh_proofs(request) if same else {}
    setattr(request, PROVEN_ATTRIBUTE, user.pk)
    setattr(request, PROVEN_WAY_ATTRIBUTE, way)
    session_id = request.session.get(SESSION_ID_KEY) if same else None
    response: HttpResponse = perform_login(
        request, user, email_verification="none", redirect_url=safe_next(next_address)
    )
    if getattr(request, PROVEN_ATTRIBUTE) != user.pk:  # the adapter refused, also where this person was signed in
        return response
    emergency.note_use(by=actor_of(request), user=user, way=way)
    request.session.cycle_key()
    request.session[SESSION_ID_KEY] = session_id or new_id("ses")
    request.session[PROOFS_KEY] = {**kept, way: int(time.time())}
    return response


def end(request: HttpRequest) -> None:
    """Sign out; what the session had opened at the edge is closed through the outbox, in this transaction."""
    actor = actor_of(request)
    for organization_id, _ in proofs_of(request, actor.user_id):
        facts.publish(
            facts.SESSION_ENDED,
            organization_id=organization_id,
            organizations=_reach(actor, organization_id),
            user=actor.user_id,
            session=str(request.session.get(SESSION_ID_KEY, "")),
        )
    auth.logout(request)


def proofs_of(request: HttpRequest, user_id: str) -> list[tuple[str, str]]:
    """
    Pairs (organization id, way) of the person's organizations that this session has proven now.

    A disabled connection's proof is worth nothing at once; every proof ends after twelve hours.
    """
    ways, person = _fresh_proofs(request), request.user
    if not user_id or not ways or not isinstance(person, User):
        return []
    with rls.reading_as(f"user:{user_id}"):
        found = [(demand.organization.pk, demand.way_among(ways)) for demand in demands_on(person)]
    return [(organization, way) for organization, way in found if way]


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved who they are in the last ten minutes, as linking another identity demands."""
    return any(time.time() - at < FRESH_SECONDS for at in _fresh_proofs(request).values())


def was_proven_by_platform(request: HttpRequest) -> bool:
    """Whether this session holds a proof of the platform's own provider, which verifies e-mail addresses."""
    return PLATFORM in _fresh_proofs(request)


def safe_next(address: str) -> str:
    """`address` if it is one of ours, else the home page: an open redirect would serve phishing."""
    host = settings.BASE_URL.partition("://")[2]
    safe = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts={host})
    return address if safe else "/"


def _reach(actor: Actor, organization_id: str) -> list[str]:
    """The organization and its clients, as the person sees them."""
    with rls.reading_as(f"user:{actor.user_id}"):
        return reach_of(organization_id)


def _fresh_proofs(request: HttpRequest) -> dict[str, int]:
    stored = request.session.get(PROOFS_KEY)
    if not isinstance(stored, dict):
        return {}
    now = time.time()
    return {way: at for way, at in stored.items() if now - at + 60 >= 0 and now - at < PROOF_SECONDS}
