"""Loads the person of a session, and lets staff of the platform into the admin site by password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.http import HttpRequest

from controlplane import rls
from organizations.actions.staff import staff_of_address
from organizations.models import User

ATTEMPTS = 10
WINDOW_SECONDS = 900


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
        if not address or password is None or _too_often(address):
            return None
        for user_id in staff_of_address(address):
            user = self.get_user(user_id)
            if user is not None and user.check_password(password):
                return user
        # As slow as a wrong password for a real account, so that time does not tell who is staff.
        User().set_password(password)
        return None


def _too_often(address: str) -> bool:
    key = f"staff-password:{address.lower()[:254]}"
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        tries = cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return False
    # While the cache is away nothing counts, so nothing is tried: staff wait, and a guesser gains nothing from it.
    return tries > ATTEMPTS or cache.get(key) is None
