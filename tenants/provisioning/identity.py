"""
Tenant ids: 26 characters that a guess can't hit.

An id is 2 characters of the cell, 16 random ones and 8 that check them: the first 40 bits of HMAC-SHA-256 over the
first 18 characters under the cell's id key. The edge refuses an id whose check fails before it touches any object, so
that guesses make no objects. An id is never reused, and the key is never rotated.
"""

import base64
import hashlib
import hmac
import secrets

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
RANDOM = 16


def mint(cell_id: str, key: bytes) -> str:
    """A new tenant id in a cell, under the cell's id key."""
    stem = cell_id + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    return stem + check_of(stem, key)


def check_of(stem: str, key: bytes) -> str:
    """The 8 check characters of the first 18."""
    digest = hmac.new(key, stem.encode("ascii"), hashlib.sha256).digest()
    return base64.b32encode(digest[:5]).decode("ascii").lower()
