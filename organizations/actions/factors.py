"""A person's passkeys, authenticator app and recovery codes: add, name, remove, make anew."""

import datetime as dt

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from organizations.access import require_control
from organizations.accounts import authenticators, notices, people, recovery_codes
from organizations.accounts.models import LONGEST_DEVICE_NAME, Authenticator, Passkey, RecoveryCode
from organizations.accounts.passkeys import NewPasskey
from organizations.actions import browser_sessions
from organizations.actions.accounts import store_passkey
from organizations.models import User

MOST_PASSKEYS = 20
PENDING_LIFETIME = dt.timedelta(minutes=15)


def add_passkey(*, by: Actor, made: NewPasskey, name: str) -> Passkey:
    """Add a passkey to the asker's account. Raises Invalid naming the field, Conflict, NotConfirmed."""
    require_control(by)
    called = checked_device_name(name)
    try:
        with rls.acting_as(f"user:{by.user_id}"):
            if Passkey.objects.filter(user_id=by.user_id).count() >= MOST_PASSKEYS:
                raise Conflict(f"An account has at most {MOST_PASSKEYS} passkeys. Remove one first.")
            user = _own(by)
            passkey = store_passkey(user, made, called)
            notices.note(by=by, user=user, action="organizations.passkey.create", name=called)
    except IntegrityError as error:
        raise Conflict("This passkey belongs to an account already. Nothing was added.") from error
    return passkey


def rename_passkey(*, by: Actor, passkey_id: str, name: str) -> None:
    """Call one of the asker's passkeys something else. Raises Invalid, NotFound, NotConfirmed."""
    require_control(by)
    called = checked_device_name(name)
    with rls.acting_as(f"user:{by.user_id}"):
        if not Passkey.objects.filter(user_id=by.user_id, pk=passkey_id).update(name=called):
            raise NotFound
        notices.note(by=by, user=_own(by), action="organizations.passkey.rename", name=called)


def remove_passkey(*, by: Actor, passkey_id: str) -> None:
    """
    Remove one of the asker's passkeys, but not the last thing that proves them; their other sessions end.

    The attack: what the lost passkey had opened goes on. Raises NotFound, Conflict.
    """
    require_control(by)
    with rls.acting_as(f"user:{by.user_id}"):
        user = User.objects.select_for_update().get(pk=by.user_id)
        passkey = Passkey.objects.filter(user_id=by.user_id, pk=passkey_id).first()
        if passkey is None:
            raise NotFound
        _keep_a_way_in(user, passkey)
        passkey.delete()
        _drop_recovery_codes_without_factor(user)
        browser_sessions.end_others(by=by)
        notices.note(by=by, user=user, action="organizations.passkey.remove", name=passkey.name)


def begin_authenticator(*, by: Actor) -> str:
    """
    The secret of a new authenticator app; it counts once its first code was typed in (`confirm_authenticator`).

    Asking again within a quarter of an hour gives the same one, so that a page that is loaded twice does not spoil the
    app. The attack: somebody at a browser that was left open copies a secret that its owner confirms months later.
    Raises Conflict for whoever has one, NotConfirmed.
    """
    require_control(by)
    with rls.acting_as(f"user:{by.user_id}"):
        pending = Authenticator.objects.filter(user_id=by.user_id, confirmed_at=None)
        pending.filter(created_at__lt=timezone.now() - PENDING_LIFETIME).delete()
        row, _ = Authenticator.objects.get_or_create(
            user_id=by.user_id, defaults={"name": "Authenticator app", "secret": authenticators.new_secret()}
        )
    if row.confirmed_at is not None:
        raise Conflict("You have an authenticator app already. Remove it first.", code="ALREADY_THERE")
    return row.secret


def confirm_authenticator(*, by: Actor, code: str) -> None:
    """Take an authenticator app into use by its first code. Raises Invalid naming `code`, NotConfirmed."""
    require_control(by)
    if not authenticators.prove(by.user_id, code, confirmed=False):
        raise Invalid("This is not the app's code of this moment. Check the clock of your phone.", field="code")
    with rls.acting_as(f"user:{by.user_id}"):
        Authenticator.objects.filter(user_id=by.user_id).update(confirmed_at=timezone.now())
        notices.note(by=by, user=_own(by), action="organizations.authenticator.create")


def remove_authenticator(*, by: Actor) -> None:
    """Remove the asker's authenticator app; their other sessions end. Raises NotFound, NotConfirmed."""
    require_control(by)
    with rls.acting_as(f"user:{by.user_id}"):
        user = User.objects.select_for_update().get(pk=by.user_id)
        removed, _ = Authenticator.objects.filter(user_id=by.user_id, confirmed_at__isnull=False).delete()
        if not removed:
            raise NotFound
        _drop_recovery_codes_without_factor(user)
        browser_sessions.end_others(by=by)
        notices.note(by=by, user=user, action="organizations.authenticator.remove")


def make_recovery_codes(*, by: Actor) -> list[str]:
    """Ten new recovery codes, to be shown once; the old ones end. Raises Conflict without a factor, NotConfirmed."""
    require_control(by)
    if not people.factors_of(by.user_id).any:
        raise Conflict("Recovery codes stand in for a passkey or an app. Add one of those first.")
    with rls.acting_as(f"user:{by.user_id}"):
        codes = recovery_codes.make_anew(by.user_id)
        notices.note(by=by, user=_own(by), action="organizations.recovery_codes.create")
    return codes


def use_recovery_code(*, by: Actor, user: User, code: str) -> bool:
    """Whether `code` is one of the person's, used up by this call. They are told how many are left."""
    with rls.acting_as(f"user:{user.pk}"):
        if not recovery_codes.redeem(user.pk, code):
            return False
        left = RecoveryCode.objects.filter(user_id=user.pk).count()
        notices.note(by=by, user=user, action="organizations.recovery_code.use", left=left)
    return True


def checked_device_name(name: str) -> str:
    """What a person calls a device. Raises Invalid naming `name`."""
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= LONGEST_DEVICE_NAME or not tidy.isprintable():
        raise Invalid(f"The name has between 1 and {LONGEST_DEVICE_NAME} printable characters.", field="name")
    return tidy


def _keep_a_way_in(user: User, passkey: Passkey) -> None:
    others = Passkey.objects.filter(user_id=user.pk).exclude(pk=passkey.pk)
    if not (others.exists() or user.has_usable_password() or SocialAccount.objects.filter(user_id=user.pk).exists()):
        raise Conflict(
            "This passkey is the only way into your account. Nothing was removed.",
            hint="Add another passkey or a password first.",
            code="LAST_WAY_IN",
        )


def _drop_recovery_codes_without_factor(user: User) -> None:
    if not people.factors_of(user.pk).any:
        RecoveryCode.objects.filter(user_id=user.pk).delete()


def _own(by: Actor) -> User:
    return User.objects.get(pk=by.user_id)
