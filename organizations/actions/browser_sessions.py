"""A person's sessions: note one, touch it, end one or all others."""

import datetime as dt

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.problems import NotFound
from organizations.accounts import devices, notices
from organizations.actions import facts, sign_in_trail
from organizations.models import Membership, PersonSession, User

SEEN_EVERY = dt.timedelta(minutes=1)


def note(request: HttpRequest, user: User, *, session_id: str, way: str) -> None:
    """
    Keep that a browser is signed in, or came by another way as well. A device that is new to the person is mailed.

    The first device of all is not: its owner has just made the account.
    """
    by, now, known_as = actor_of(request), timezone.now(), devices.known_as(request)
    with rls.acting_as(f"user:{user.pk}"):
        mine = PersonSession.objects.filter(user_id=user.pk)
        if mine.filter(pk=session_id).update(last_seen_at=now, address=by.address or None):
            return
        is_new = mine.exists() and not mine.filter(device_digest=known_as).exists()
        device = devices.in_words(request.headers.get("User-Agent", ""))
        PersonSession.objects.create(
            id=session_id,
            user_id=user.pk,
            way=way,
            device=device,
            device_digest=known_as,
            address=by.address or None,
            last_seen_at=now,
        )
        if is_new:
            notices.note(by=by, user=user, action="organizations.device.enter", device=device, way=way)


def living(user_id: str, session_id: str) -> PersonSession | None:
    """The row of a session that has not ended."""
    with rls.reading_as(f"user:{user_id}"):
        return PersonSession.objects.filter(user_id=user_id, pk=session_id, ended_at=None).first()


def touch(session: PersonSession, address: str) -> None:
    """Keep when and from where a session was last used, at most once a minute, so that reads do not become writes."""
    now = timezone.now()
    if now - session.last_seen_at < SEEN_EVERY and session.address == (address or None):
        return
    with rls.acting_as(f"user:{session.user_id}"):
        PersonSession.objects.filter(pk=session.pk, ended_at=None).update(last_seen_at=now, address=address or None)


def close(user_id: str, session_id: str) -> None:
    """Note that a session ended by signing out."""
    with rls.acting_as(f"user:{user_id}"):
        PersonSession.objects.filter(user_id=user_id, pk=session_id, ended_at=None).update(ended_at=timezone.now())


def living_of(by: Actor) -> QuerySet[PersonSession]:
    """The asker's sessions that have not ended, the one used last first."""
    return PersonSession.objects.filter(user_id=by.user_id, ended_at=None)


def end(*, by: Actor, session_id: str) -> None:
    """End one of the asker's own sessions, with what it opened at the edge. Raises NotFound."""
    with rls.acting_as(f"user:{by.user_id}"):
        if not living_of(by).filter(pk=session_id).exists():
            raise NotFound
        _end(by, by.user_id, [session_id])


def end_others(*, by: Actor, user_id: str = "", keep: str = "") -> int:
    """
    End all sessions of a person but one; returns how many.

    Args: user_id: whose, the asker's own by default; keep: the one that goes on, the asker's by default.
    """
    owner, kept = user_id or by.user_id, keep or by.session_id or ""
    with rls.acting_as(f"user:{owner}"):
        living_ones = PersonSession.objects.filter(user_id=owner, ended_at=None).exclude(pk=kept)
        ending = list(living_ones.values_list("pk", flat=True))
        _end(by, owner, ending)
    return len(ending)


def end_begun_by(*, by: Actor, user_id: str, way: str) -> int:
    """End the sessions of a person that began by a way, such as a connection that signs them in no more."""
    with rls.acting_as(f"user:{user_id}"):
        living_ones = PersonSession.objects.filter(user_id=user_id, way=way, ended_at=None)
        ending = list(living_ones.values_list("pk", flat=True))
        _end(by, user_id, ending)
    return len(ending)


def _end(by: Actor, user_id: str, ending: list[str]) -> None:
    PersonSession.objects.filter(pk__in=ending).update(ended_at=timezone.now())
    belongs_to = list(Membership.objects.filter(user_id=user_id).values_list("organization_id", flat=True))
    for session_id in ending:
        sign_in_trail.note_end(
            by=by, user_id=user_id, session_id=session_id, entered=belongs_to, because="ended from elsewhere"
        )
        for organization_id in belongs_to:
            facts.publish(
                facts.SESSION_ENDED,
                organization_id=organization_id,
                user=user_id,
                session=session_id,
            )
