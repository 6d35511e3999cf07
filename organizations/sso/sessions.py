"""
What a browser session has proven, and for which organizations that counts.

A session holds one proof per way it was proven: "platform", "account" (password or passkey) or a connection's id, with
the time; and when a second factor was shown. A connection's proof counts for that connection's own organization and
nowhere else, the other two where an organization's policy takes them. Each organization says for how long, after what
pause, and whether with a second factor. Whether the session lives at all, its row decides (`PersonSession`).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.ids import new_id
from controlplane.problems import Forbidden
from organizations.accounts.people import factors_of, has_way_of_their_own
from organizations.actions import break_glass, browser_sessions, facts, sign_in_trail
from organizations.models import Organization, User
from organizations.security.entering import PROOF_SECONDS, counts, is_from
from organizations.sso.adapter import PROVEN_ATTRIBUTE, PROVEN_WAY_ATTRIBUTE
from organizations.sso.demands import Demand, demands_on
from organizations.sso.oidc.provider import PLATFORM

ACCOUNT = "account"
# What proves an e-mail address that is the person's own; connections only say one.
VERIFYING_WAYS = (PLATFORM, ACCOUNT)
PROOFS_KEY = "proofs"
SECOND_FACTOR_KEY = "second_factor"
METHODS_KEY = "methods"
PAUSES_KEY = "pauses"
SESSION_ID_KEY = "session_id"
FRESH_SECONDS = 600
SHORTEST_PAUSE_SECONDS = 300


@dataclass(frozen=True)
class Entry:
    """
    One organization that a person belongs to and what it demands of them, as this session stands to it.

    `way` is what proves the session there, since `proven_at`; `missing` says why it may not enter: "proof",
    "second_factor" or "address"; empty if it may.
    """

    demand: Demand
    way: str
    proven_at: int
    second_factor: bool
    missing: str


def begin(
    request: HttpRequest,
    user: User,
    *,
    way: str,
    next_address: str = "",
    second_factor: bool = False,
    methods: Iterable[str] = (),
    how: str = "",
) -> HttpResponse:
    """
    Sign `user` in with a proof by `way` ("platform", "account" or a connection's id), and send them on.

    Args: methods: how a connection says that it authenticated them; how: what they showed, in words for the trail.
    A session of somebody else ends first. The session's key changes, so that one planted before sign-in is worthless.
    """
    same = request.user.is_authenticated and request.user.pk == user.pk
    if request.user.is_authenticated and not same:
        end(request)
    kept = _fresh_proofs(request) if same else {}
    entered = {organization_id for organization_id, _ in proofs_of(request)} if same else set()
    shown = request.session.get(SECOND_FACTOR_KEY) if same else None
    said = _methods(request) if same else {}
    setattr(request, PROVEN_ATTRIBUTE, user.pk)
    setattr(request, PROVEN_WAY_ATTRIBUTE, way)
    session_id = request.session.get(SESSION_ID_KEY) if same else None
    response: HttpResponse = perform_login(
        request, user, email_verification="none", redirect_url=safe_next(next_address)
    )
    if getattr(request, PROVEN_ATTRIBUTE) != user.pk:  # the adapter refused, also where this person was signed in
        return response
    break_glass.note_use(by=actor_of(request), user=user, way=way)
    request.session.cycle_key()
    request.session[SESSION_ID_KEY] = session_id or new_id("ses")
    request.session[PROOFS_KEY] = {**kept, way: int(time.time())}
    request.session[METHODS_KEY] = {**said, way: list(methods)}
    request.session[SECOND_FACTOR_KEY] = int(time.time()) if second_factor else shown
    browser_sessions.note(request, user, session_id=request.session[SESSION_ID_KEY], way=way)
    _note_begin(request, user, way=way, how=how, entered=entered, anew=not session_id)
    return response


def note_second_factor(request: HttpRequest, *, how: str) -> None:
    """Keep that the person who is signed in showed a second factor just now, which also tells that it is them."""
    entered = {organization_id for organization_id, _ in proofs_of(request)}
    request.session.cycle_key()
    request.session[SECOND_FACTOR_KEY] = int(time.time())
    if isinstance(request.user, User):
        _note_begin(request, request.user, way=ACCOUNT, how=how, entered=entered, anew=False)


def end(request: HttpRequest) -> None:
    """Sign out; what the session had opened at the edge is closed through the outbox, in this transaction."""
    actor, session_id = actor_of(request), str(request.session.get(SESSION_ID_KEY, ""))
    if actor.user_id:
        with rls.acting_as(f"user:{actor.user_id}"):
            entered = [organization_id for organization_id, _ in proofs_of(request)]
            for organization_id in entered:
                facts.publish(
                    facts.SESSION_ENDED,
                    organization_id=organization_id,
                    user=actor.user_id,
                    session=session_id,
                )
            browser_sessions.close(actor.user_id, session_id)
            sign_in_trail.note_end(
                by=actor, user_id=actor.user_id, session_id=session_id, entered=entered, because="signed out"
            )
    auth.logout(request)


def proofs_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Pairs (organization id, way) of the person's organizations that this session may enter now."""
    return [(entry.demand.organization.pk, entry.way) for entry in entries_of(request) if not entry.missing]


def entries_of(request: HttpRequest) -> list[Entry]:
    """
    How this session stands to each organization of the person who is signed in.

    A disabled connection's proof is worth nothing at once; every proof ends after twelve hours.
    """
    person = request.user
    if not isinstance(person, User):
        return []
    with rls.reading_as(f"user:{person.pk}"):
        return [_entry(request, demand) for demand in demands_on(person)]


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved in the last ten minutes that it is them, as what is dangerous demands."""
    times = [*_fresh_proofs(request).values(), request.session.get(SECOND_FACTOR_KEY) or 0]
    return any(time.time() - at < FRESH_SECONDS for at in times)


def is_in_control(request: HttpRequest) -> bool:
    """
    Whether they did so by a way of their own, and have shown a second factor if they have one, as changing what proves
    them demands.

    The attack: with the platform's sign-in alone somebody makes new recovery codes, and shows one as the second factor.
    """
    return _is_proven_by_way_of_their_own(request) and not _owes_second_factor(request)


def owes_only_second_factor(request: HttpRequest) -> bool:
    """Whether nothing but their second factor keeps them from changing what proves them."""
    return _is_proven_by_way_of_their_own(request) and _owes_second_factor(request)


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Whether this session has a second factor that is not too old to count anywhere."""
    return time.time() - (request.session.get(SECOND_FACTOR_KEY) or 0) < PROOF_SECONDS


def has_verified_address(request: HttpRequest) -> bool:
    """Whether this session holds a proof by a way that verifies e-mail addresses."""
    proven = any(way in _fresh_proofs(request) for way in VERIFYING_WAYS)
    return proven and getattr(request.user, "email_verified", False)


def require_own_proof(request: HttpRequest) -> None:
    """
    Demands a session that has proven the person's address by a way of their own. Raises Forbidden.

    The attack: an organization's provider asserts somebody else's address, and answers what is meant for that address.
    """
    if not has_verified_address(request):
        raise Forbidden(
            "This sign-in does not prove your e-mail address.",
            hint="Sign in with a password, a passkey or the platform's sign-in, then do it again.",
        )


def note_pause(request: HttpRequest, seconds: float) -> None:
    """Keep that nobody was at this browser for so long: what was proven before counts only where that is allowed."""
    now = int(time.time())
    lately = [pause for pause in _pauses(request) if now - pause[0] < PROOF_SECONDS and pause[1] > seconds]
    request.session[PAUSES_KEY] = [*lately, [now, int(seconds)]]


def longest_pause_since(request: HttpRequest, at: int) -> int:
    """For how many seconds nobody was at this browser at the longest, since that time."""
    pauses = [*_pauses(request), [int(time.time()), int(getattr(request, "paused_seconds", 0))]]
    return max((seconds for end, seconds in pauses if end > at), default=0)


def safe_next(address: str) -> str:
    """`address` if it is one of ours, else the home page: an open redirect would serve phishing."""
    host = settings.BASE_URL.partition("://")[2]
    safe = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts={host})
    return address if safe else "/"


def _is_proven_by_way_of_their_own(request: HttpRequest) -> bool:
    """
    An organization's connection is enough only for somebody who has no such way and belongs nowhere else: nothing is
    there that the connection does not open anyway.
    """
    proofs, person = _fresh_proofs(request), request.user
    if any(time.time() - proofs.get(way, 0) < FRESH_SECONDS for way in VERIFYING_WAYS):
        return True
    if not isinstance(person, User) or not is_fresh(request):
        return False
    with rls.reading_as(f"user:{person.pk}"):
        return not has_way_of_their_own(person) and all(entry.way for entry in entries_of(request))


def _owes_second_factor(request: HttpRequest) -> bool:
    return not has_shown_second_factor(request) and factors_of(str(request.user.pk)).any


def _note_begin(request: HttpRequest, user: User, *, way: str, how: str, entered: set[str], anew: bool) -> None:
    """A connection's own organization has its entry already, from where the answer was judged."""
    enters = {organization_id for organization_id, _ in proofs_of(request)}
    sign_in_trail.note_begin(
        by=actor_of(request),
        user=user,
        session_id=str(request.session[SESSION_ID_KEY]),
        way=way,
        how=how,
        opened=sorted(enters - entered) if way in VERIFYING_WAYS else (),
        anew=anew,
    )


def _entry(request: HttpRequest, demand: Demand) -> Entry:
    times, organization = _fresh_proofs(request), demand.organization
    shown = _still_counts(request, organization, request.session.get(SECOND_FACTOR_KEY) or 0)
    said = _methods(request)
    ways = {one: shown or demand.shows_second_factor(one, said.get(one, ())) for one in demand.connections}
    ways |= dict.fromkeys(VERIFYING_WAYS, shown) if demand.takes_platform else {}
    good = [way for way in ways if way in times and _still_counts(request, organization, times[way])]
    # Of several, one that brings a second factor opens what the others don't.
    way = max(good, key=lambda each: ways[each], default="")
    factor = bool(way) and ways[way]
    return Entry(demand, way, times.get(way, 0), factor, _missing(request, organization, way, factor))


def _missing(request: HttpRequest, organization: Organization, way: str, factor: bool) -> str:
    if not is_from(organization.allowed_networks, actor_of(request).address):
        return "address"
    if not way:
        return "proof"
    return "second_factor" if organization.require_second_factor and not factor else ""


def _still_counts(request: HttpRequest, organization: Organization, at: int) -> bool:
    return counts(organization, at, longest_pause=longest_pause_since(request, at))


def _methods(request: HttpRequest) -> dict[str, list[str]]:
    stored = request.session.get(METHODS_KEY)
    return stored if isinstance(stored, dict) else {}


def _pauses(request: HttpRequest) -> list[list[int]]:
    stored = request.session.get(PAUSES_KEY)
    return stored if isinstance(stored, list) else []


def _fresh_proofs(request: HttpRequest) -> dict[str, int]:
    stored = request.session.get(PROOFS_KEY)
    if not isinstance(stored, dict):
        return {}
    now = time.time()
    return {way: at for way, at in stored.items() if now - at + 60 >= 0 and now - at < PROOF_SECONDS}
