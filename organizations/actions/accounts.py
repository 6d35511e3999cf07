"""People with an account of their own: sign up, reset or change the password."""

from django.db import IntegrityError

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations.access import require_control
from organizations.accounts import mailed_codes, notices, people
from organizations.accounts.mailed_codes import LASTS
from organizations.accounts.models import MailedCode, Passkey
from organizations.accounts.passkeys import NewPasskey
from organizations.actions import browser_sessions, trail
from organizations.addresses import checked_address
from organizations.models import User

LONGEST_NAME = 200
FIRST_PASSKEY = "My first passkey"
_SIGN_UP, _RESET = MailedCode.Purpose.SIGN_UP, MailedCode.Purpose.RESET


def ask_for_code(*, email: str) -> str:
    """
    Mail a code to somebody who wants an account; returns the id to redeem it by. Raises Invalid.

    Whoever has the address already gets a mail that says so and a code that nothing fits: the answer is the same, and
    so is the work.
    """
    address = checked_address(email)
    is_free = people.person_of(address) is None
    with rls.acting_as(rls.PLATFORM):
        made = mailed_codes.make(_SIGN_UP, address, fits=is_free)
        template = "sign_up_code" if is_free else "sign_up_known"
        mail.write(to=address, template=template, context={"code": made.text}, lasts=LASTS[_SIGN_UP])
    return made.id


def create_person(
    *, by: Actor, user_id: str, email: str, name: str, password: str = "", passkey: NewPasskey | None = None
) -> User:
    """
    Make the person who has just proven `email`, with a password or a passkey.

    Raises Invalid naming the field, Conflict where somebody proved the address in the meantime.
    """
    user = User(id=user_id, email=email, email_verified=True, name=checked_person_name(name))
    if passkey is None:
        user.set_password(people.checked_password(password, user=user))
    else:
        user.set_unusable_password()
    try:
        with rls.acting_as(f"user:{user.pk}"):
            user.save(force_insert=True)
            if passkey is not None:
                store_passkey(user, passkey, FIRST_PASSKEY)
            way = "passkey" if passkey else "password"
            trail.record(by, None, "organizations.person.create", user.pk, way=way)
    except IntegrityError as error:
        raise Conflict("This address has an account already. Sign in instead.", code="ADDRESS_TAKEN") from error
    return user


def store_passkey(user: User, made: NewPasskey, name: str) -> Passkey:
    """Keep a new passkey, in the caller's transaction. A credential that somebody has already breaks a constraint."""
    return Passkey.objects.create(
        user=user,
        name=name,
        credential_id=made.credential_id,
        credential=made.credential,
        sign_count=made.sign_count,
    )


def ask_for_reset(*, email: str) -> None:
    """
    Mail a link that sets a new password; to whoever has none, a mail that says so. Raises Invalid.

    A password is never added this way: whoever signs in otherwise would get a second way in by their mailbox alone.
    """
    address = checked_address(email)
    person = people.person_of(address)
    has_password = person is not None and person.has_usable_password() and person.is_active and not person.is_staff
    template = "reset_link" if has_password else "reset_other_way" if person else "reset_unknown"
    with rls.acting_as(rls.PLATFORM):
        made = mailed_codes.make(_RESET, address, fits=has_password, binding=_binding(person), is_link=True)
        context = {"code_id": made.id, "secret": made.text}
        mail.write(to=address, template=template, context=context, lasts=LASTS[_RESET])


def reset_is_open(code_id: str, secret: str) -> bool:
    """Whether a link would set a password now; it is not used up by looking."""
    person = _of_reset(code_id)
    return person is not None and mailed_codes.fits(code_id, _RESET, secret, binding=_binding(person))


def reset_password(*, by: Actor, code_id: str, secret: str, password: str) -> User | None:
    """
    Set the password of whom a link was mailed to, and end all their sessions; None for a link that is no good.

    It signs nobody in: whoever has a second factor still has to show it. Raises Invalid naming the field.
    """
    person = _of_reset(code_id)
    if person is None:
        return None
    people.checked_password(password, user=person)
    if mailed_codes.redeem(code_id, _RESET, secret, binding=_binding(person)) is None:
        return None
    _set_password(by, person, password, "organizations.password.reset")
    return person


def change_password(*, by: Actor, password: str) -> User:
    """
    Set or change the asker's own password; their other sessions end. Raises Invalid, NotConfirmed.

    An address that only an organization's provider says is nobody's name, so it can't have a password.
    """
    require_control(by)
    person = _own(by)
    if not person.email_verified:
        raise Invalid("Your address is not verified here, so it can't have a password.", field="password")
    people.checked_password(password, user=person)
    had_one = person.has_usable_password()
    _set_password(by, person, password, f"organizations.password.{'change' if had_one else 'set'}")
    return person


def checked_person_name(name: str) -> str:
    """A person's name without odd white space; empty is allowed. Raises Invalid naming `name`."""
    tidy = " ".join(name.split())
    if len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise Invalid(f"A name has at most {LONGEST_NAME} printable characters.", field="name")
    return tidy


def _set_password(by: Actor, person: User, password: str, action: str) -> None:
    """Django's sessions carry a digest of the password, so every other one is worthless with this change already."""
    person.set_password(password)
    with rls.acting_as(f"user:{person.pk}"):
        person.save(update_fields=["password"])
        browser_sessions.end_others(by=by, user_id=person.pk)
        notices.note(by=by, user=person, action=action)


def _of_reset(code_id: str) -> User | None:
    address = mailed_codes.address_of(code_id, _RESET)
    return people.person_of(address) if address else None


def _binding(person: User | None) -> str:
    """A link dies with the password that it would replace, and so with the first of several that is used."""
    return person.password if person else ""


def _own(by: Actor) -> User:
    return User.objects.get(pk=by.user_id)
