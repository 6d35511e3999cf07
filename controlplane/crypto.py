"""Secrets at rest: AES-256-GCM under a rotatable key.

A sealed text is ``<key id>:<base64 of nonce and ciphertext>``. What the secret is for goes in as additional data, so
that a sealed value copied into another column does not open there.
"""

import base64
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import models

from controlplane.environment import environment

NONCE_BYTES = 12


class CannotOpen(ValueError):
    """The sealed text was changed, moved, or sealed under a key this process does not have."""


def seal(text: str, *, purpose: str) -> str:
    """Returns ``text`` encrypted under the current key. Args: purpose: where it belongs, needed again to open it."""
    keys = environment().field_keys
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(base64.b64decode(keys.keys[keys.current])).encrypt(nonce, text.encode(), purpose.encode())
    return f"{keys.current}:{base64.b64encode(nonce + sealed).decode()}"


def open_sealed(sealed: str, *, purpose: str) -> str:
    """Returns the text that `seal` was given. Raises: CannotOpen."""
    key_id, _, data = sealed.partition(":")
    key = environment().field_keys.keys.get(key_id)
    if key is None:
        raise CannotOpen(f"It was sealed under the key {key_id!r}, which is not configured.")
    try:
        raw = base64.b64decode(data, validate=True)
        return AESGCM(base64.b64decode(key)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("The sealed text was changed or belongs elsewhere.") from error


def key_id_of(sealed: str) -> str:
    """Returns which key a sealed text was sealed under."""
    return sealed.partition(":")[0]


class EncryptedTextField(models.TextField):
    """Text that is encrypted in the database and plain in Python. It can't be searched."""

    description = "Encrypted text"

    @property
    def purpose(self) -> str:
        """Binds a sealed value to its column."""
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value: Any) -> Any:
        """Seals what goes to the database; empty text and None stay as they are."""
        value = super().get_prep_value(value)
        return seal(value, purpose=self.purpose) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Opens what comes from the database."""
        return open_sealed(value, purpose=self.purpose) if value else value
