"""Loads the person of a session, and lets staff of the platform into the admin site by password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.http import HttpRequest

from controlplane import rls
from controlplane.actor import actor_of
from organizations.actions import sign_in_trail
from organizations.actions.staff import staff_of_address
from organizations.models import User

ATTEMPTS = 10
WINDOW_SECONDS = 900
# How the trail and a session's row name a sign-in to the admin site.
STAFF_WAY = "admin"


class PersonBackend(ModelBackend):
    """Nobody but staff has a password; everybody else is proven by an identity provider."""

    def get_user(self, user_id: Any) -> User | None:
        """The person of a session, looked up as themselves: row-level security shows nobody else before sign-in."""
        with rls.reading_as(f"user:{user_id}"):
            user = super().get_user(user_id)
        return user if isinstance(user, User) else None

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """A staff member with a verified address and this password; ten attempts a quarter of an hour and address."""
        address = username or kwargs.get(User.USERNAME_FIELD)
        if not address or password is None:
            return None
        found = next(iter(staff_of_address(address)), "")
        if _too_often(address):
            _note(request, found, "TOO_MANY_TRIES")
            return None
        user = self.get_user(found) if found else None
        if user is not None and user.check_password(password):
            return user
        if user is None:  # as slow as a wrong password for a real account, so that time does not tell who is staff
            User().set_password(password)
        _note(request, found, "WRONG_PASSWORD")
        return None


def _note(request: HttpRequest | None, user_id: str, code: str) -> None:
    sign_in_trail.note_refusal(by=actor_of(request), user_id=user_id, code=code, way=STAFF_WAY)


def _too_often(address: str) -> bool:
    key = f"staff-password:{address.lower()[:254]}"
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        tries = cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return False
    # While the cache is away nothing counts, so nothing is tried: staff wait, and a guesser gains nothing from it.
    return tries > ATTEMPTS or cache.get(key) is None
