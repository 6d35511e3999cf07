"""The keys that sign calls to the edge.

``control`` signs calls that change specs and belongs to the reconciler's process only; ``access`` signs dashboard
codes, revocations and scoped tokens in the portal. Each is an Ed25519 pair; its ``kid`` is the first 16 hex
characters of the SHA-256 of the raw public key, and the edge's configuration pins which door it opens.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from controlplane.environment import environment

type Door = Literal["control", "access"]

TYPES: Mapping[str, str] = {"control": "edge-control+jwt", "access": "edge-access+jwt"}
SCOPED_TYPE = "edge-scoped+jwt"
CALL_SECONDS = 60
LONGEST_SCOPED_SECONDS = 8 * 3600


class KeyNotHere(RuntimeError):
    """This process was not given the key: only the reconciler holds ``control``."""


@dataclass(frozen=True)
class SigningKey:
    """A private key and the name the edge knows it by."""

    kid: str
    private: Ed25519PrivateKey


@cache
def signing_key(door: Door) -> SigningKey:
    """Returns the key of a door. Raises: KeyNotHere; ValueError if the file holds no Ed25519 key."""
    settings = environment()
    path = settings.control_key if door == "control" else settings.access_key
    if not path and settings.kind == "test":
        return _named(Ed25519PrivateKey.generate())
    if not path:
        raise KeyNotHere(f"This process has no {door} key; set GARRISON_{door.upper()}_KEY where it is needed.")
    private = load_pem_private_key(Path(path).read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise ValueError(f"GARRISON_{door.upper()}_KEY names a file that holds no Ed25519 key.")
    return _named(private)


def sign(door: Door, *, cell_id: str, method: str, path_query: str, body: bytes) -> str:
    """Returns the bearer token of one call to the edge, valid for a minute and for exactly this request.

    Args: path_query: the raw path and query as sent; body: the bytes as sent, empty if none.
    """
    now = int(time.time())
    claims = {
        "iat": now,
        "exp": now + CALL_SECONDS,
        "htm": method.upper(),
        "htu": path_query,
        "bh": _base64url(hashlib.sha256(body).digest()),
    }
    return _signed(door, TYPES[door], cell_id, claims)


def sign_scoped(claims: Mapping[str, Any], *, cell_id: str, seconds: int = LONGEST_SCOPED_SECONDS) -> str:
    """Returns a token that a person or integration shows to the edge's ``/api`` door.

    Args: claims: ``sub``, ``tenant``, ``scope`` and what revocation goes by; seconds: until it ends, at most 8 hours.
    """
    now = int(time.time())
    ends = {"iat": now, "exp": now + min(seconds, LONGEST_SCOPED_SECONDS)}
    return _signed("access", SCOPED_TYPE, cell_id, {**claims, **ends})


def audience(cell_id: str) -> str:
    """Returns the audience of one cell in this environment, so that no other environment takes the token."""
    return f"edge:{environment().kind}:{cell_id}"


def _signed(door: Door, type_: str, cell_id: str, claims: Mapping[str, Any]) -> str:
    key = signing_key(door)
    common = {"iss": "portal", "aud": audience(cell_id), "jti": secrets.token_urlsafe(16)}
    return jwt.encode({**claims, **common}, key.private, algorithm="EdDSA", headers={"typ": type_, "kid": key.kid})


def _named(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(hashlib.sha256(_raw_public(private)).hexdigest()[:16], private)


def _raw_public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
