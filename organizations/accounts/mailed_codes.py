"""
Codes and links that prove that somebody reads an address: single use, short-lived, few guesses.

A code is typed into the browser that asked for it, whose session holds the row's id: it is worthless to whoever only
reads it. A link carries id and secret itself. `binding` ties either to something that changes when it must die, such as
the password that it is to replace.
"""

import datetime as dt
from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from controlplane import rls
from controlplane.ids import BASE62, SECRET_LENGTH, random_text
from organizations.accounts.models import MailedCode, new_mailed_code_id

# Without what looks alike: 0 and O, 1 and I and L.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8
GUESSES = 5
LASTS = {
    MailedCode.Purpose.SIGN_UP: dt.timedelta(minutes=20),
    MailedCode.Purpose.RESET: dt.timedelta(minutes=30),
    MailedCode.Purpose.ADDRESS: dt.timedelta(minutes=20),
}


@dataclass(frozen=True)
class Made:
    """A new code: what to remember in the session, and what to mail."""

    id: str
    text: str


def make(purpose: str, email: str, *, fits: bool = True, binding: str = "", is_link: bool = False) -> Made:
    """Makes a code. Args: fits: False for one that no text will ever fit, so that nothing tells it from a real one."""
    text = random_text(BASE62, SECRET_LENGTH) if is_link else random_text(ALPHABET, CODE_LENGTH)
    code_id = new_mailed_code_id()
    digest = _digest(code_id, text, binding)
    with rls.acting_as(f"code:{code_id}"):
        MailedCode.objects.create(
            id=code_id,
            purpose=purpose,
            email=email,
            digest=digest if fits else "",
            guesses_left=GUESSES,
            expires_at=timezone.now() + LASTS[MailedCode.Purpose(purpose)],
        )
    return Made(code_id, text if is_link else f"{text[:4]}-{text[4:]}")


def address_of(code_id: str, purpose: str) -> str | None:
    """To which address a code that is still good was mailed."""
    with rls.reading_as(f"code:{code_id}"):
        row = MailedCode.objects.filter(pk=code_id, purpose=purpose, expires_at__gt=timezone.now()).first()
    return row.email if row else None


def redeem(code_id: str, purpose: str, text: str, *, binding: str = "") -> str | None:
    """
    The address that `text` proves, used up by this call; None if it does not fit, is old, or was guessed at too often.

    A guess is counted before it is judged, in a transaction of its own: of many at once each takes one.
    """
    with rls.acting_as(f"code:{code_id}"):
        good = MailedCode.objects.filter(pk=code_id, purpose=purpose, expires_at__gt=timezone.now())
        if not good.filter(guesses_left__gt=0).update(guesses_left=F("guesses_left") - 1):
            return None
        row = MailedCode.objects.get(pk=code_id)
        fits = constant_time_compare(row.digest, _digest(code_id, _tidy(purpose, text), binding))
        # Of two that bring the right text at once, one deletes it.
        used, _ = good.delete() if fits else (0, {})
    return row.email if used else None


def fits(code_id: str, purpose: str, text: str, *, binding: str = "") -> bool:
    """Whether a link would be taken now, without using it up: mail programs open links before people do."""
    with rls.reading_as(f"code:{code_id}"):
        row = MailedCode.objects.filter(
            pk=code_id, purpose=purpose, expires_at__gt=timezone.now(), guesses_left__gt=0
        ).first()
    return row is not None and constant_time_compare(row.digest, _digest(code_id, text, binding))


def _tidy(purpose: str, text: str) -> str:
    if purpose == MailedCode.Purpose.RESET:
        return text
    return "".join(character for character in text.upper() if character in ALPHABET)


def _digest(code_id: str, text: str, binding: str) -> str:
    return salted_hmac("organizations.mailed_code", f"{code_id}:{text}:{binding}", algorithm="sha256").hexdigest()
