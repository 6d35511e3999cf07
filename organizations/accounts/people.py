"""Who has an address, and what a person can prove themselves with."""

from dataclasses import dataclass

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from controlplane import rls
from controlplane.problems import Invalid
from organizations.accounts.models import Authenticator, Passkey, RecoveryCode
from organizations.models import User
from organizations.sso.oidc.provider import PLATFORM

LONGEST_PASSWORD = 256


@dataclass(frozen=True)
class Factors:
    """What a person has besides a password."""

    passkeys: list[Passkey]
    authenticator: Authenticator | None
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether a second step can be asked of them. Recovery codes alone are none: they only stand in for one."""
        return bool(self.passkeys or self.authenticator)


def person_of(address: str) -> User | None:
    """The one person who has proven `address`, also one who is switched off; row-level security shows no other way."""
    rows = rls.call(
        "organizations_person_of_address",
        address,
        otherwise=lambda: User.objects.filter(email__iexact=address, email_verified=True).values("id"),
    )
    found = next(iter(rows), None)
    return person(found["id"]) if found else None


def person_of_identity(provider_id: str, uid: str) -> str | None:
    """Id of the person to whom a provider's name for them is tied; None where it is tied to nobody."""
    rows = rls.call(
        "organizations_person_of_identity",
        provider_id,
        uid,
        otherwise=lambda: SocialAccount.objects.filter(provider=provider_id, uid=uid).values("user_id"),
    )
    return next((str(row["user_id"]) for row in rows), None)


def person(user_id: str) -> User | None:
    """Somebody by their id, looked up as themselves."""
    with rls.reading_as(f"user:{user_id}"):
        return User.objects.filter(pk=user_id).first()


def with_password(address: str, password: str) -> User | None:
    """
    The person who has this address and password; None for everybody else, after the same work.

    Staff of the platform have a password for the admin site, which opens nothing here.
    """
    found = person_of(address)
    if found is None or found.is_staff or not found.is_active or not found.has_usable_password():
        # As slow as a wrong password for a real account, so that time does not tell who has one.
        User().set_password(password)
        return None
    return found if found.check_password(password) else None


def with_own_password(user: User, password: str) -> bool:
    """Whether it is the person's password; somebody without one is as slow."""
    return user.check_password(password) and user.has_usable_password()


def has_way_of_their_own(user: User) -> bool:
    """Whether somebody can prove themselves without an organization's connection. The caller acts as they."""
    return (
        user.has_usable_password()
        or Passkey.objects.filter(user_id=user.pk).exists()
        or SocialAccount.objects.filter(user_id=user.pk, provider=PLATFORM).exists()
    )


def factors_of(user_id: str) -> Factors:
    """What a person has besides a password."""
    with rls.reading_as(f"user:{user_id}"):
        return Factors(
            list(Passkey.objects.filter(user_id=user_id)),
            Authenticator.objects.filter(user_id=user_id, confirmed_at__isnull=False).first(),
            RecoveryCode.objects.filter(user_id=user_id).count(),
        )


def checked_password(password: str, *, user: User, field: str = "password") -> str:
    """A password that may be taken for `user`. Raises Invalid naming `field`, with every reason against it."""
    if len(password) > LONGEST_PASSWORD:
        raise Invalid(f"A password has at most {LONGEST_PASSWORD} characters.", field=field)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from error
    return password
