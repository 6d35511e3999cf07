"""Authenticator apps: time-based one-time passwords (RFC 6238), 6 digits, 30 seconds, SHA-1 as every app reads it."""

import base64
import hmac
import secrets
import time

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.utils import timezone

from controlplane import rls
from organizations.accounts.models import Authenticator

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
# One step to either side, for clocks that differ and people who type.
DRIFT = (0, -1, 1)


def new_secret() -> str:
    """A new secret in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, email: str) -> str:
    """The `otpauth:` address that the QR code holds."""
    return _totp(secret).get_provisioning_uri(email, settings.BRAND)


def picture(secret: str, email: str) -> str:
    """The QR code as SVG. It has its own light ground: dark on dark can't be read by a camera."""
    return segno.make(address(secret, email), error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#111111", light="#ffffff", svgclass="qr", lineclass=None, omitsize=True
    )


def prove(user_id: str, code: str, *, confirmed: bool = True) -> bool:
    """
    Whether `code` is one of the person's authenticator's just now, used up by this call.

    The step of a code that was taken is kept by compare-and-set, so that neither the same code again nor an older one
    is taken, also not by another process at the same moment (RFC 6238, 5.2).
    """
    digits = "".join(code.split())
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdigit():
        return False
    now = int(time.time()) // STEP_SECONDS
    with rls.acting_as(f"user:{user_id}"):
        mine = Authenticator.objects.filter(user_id=user_id, confirmed_at__isnull=not confirmed)
        row = mine.first()
        step = next((now + d for d in DRIFT if row and _fits(row.secret, digits, now + d)), None)
        if row is None or step is None:
            return False
        fresh = mine.filter(pk=row.pk, last_step__lt=step)
        return bool(fresh.update(last_step=step, last_used_at=timezone.now()))


def _fits(secret: str, digits: str, step: int) -> bool:
    return hmac.compare_digest(_totp(secret).generate(step * STEP_SECONDS), digits.encode())


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - what RFC 6238 and every app use
