"""Signing in to the API: Basic once, then a JWT for 900 seconds; blocking of guessing and of floods."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from local.nodes.manager.api.envelope import ApiError

TOKEN_SECONDS = 900
ALGORITHM = "ES512"
ISSUER, AUDIENCE = "wazuh", "Wazuh API REST"
MAX_FAILURES, BLOCKED_SECONDS = 50, 300.0
MAX_REQUESTS_A_MINUTE = 300
DASHBOARD_USER = "wazuh-wui"
CONTEXT_REFUSED = "The current user does not have authentication enabled through authorization context"
SCRYPT = {"n": 2**12, "r": 8, "p": 1}


class Throttle:
    """Refuses a minute's 301st request, and for a while every login from an address after 50 failed ones."""

    def __init__(self) -> None:
        self._requests: deque[float] = deque()
        self._failures: dict[str, deque[float]] = {}
        self._blocked_until: dict[str, float] = {}

    def take_request(self) -> None:
        now = time.monotonic()
        while self._requests and now - self._requests[0] > 60:
            self._requests.popleft()
        if len(self._requests) >= MAX_REQUESTS_A_MINUTE:
            raise ApiError(429, "Maximum number of requests per minute reached", 6001)
        self._requests.append(now)

    def check_login(self, address: str) -> None:
        if time.monotonic() < self._blocked_until.get(address, 0.0):
            raise ApiError(403, "Limit of login attempts reached. The current IP has been blocked", 6000)

    def take_failure(self, address: str) -> None:
        now = time.monotonic()
        recent = {known: times for known, times in self._failures.items() if now - times[-1] < BLOCKED_SECONDS}
        failures = recent.setdefault(address, deque(maxlen=MAX_FAILURES))
        failures.append(now)
        if len(failures) == MAX_FAILURES and now - failures[0] < BLOCKED_SECONDS:
            self._blocked_until[address] = now + BLOCKED_SECONDS
            del recent[address]
        self._failures = recent


def forget_user(directory: Path, username: str) -> None:
    """Drops a user's password before the API opens, which then takes the one it is given."""
    file = directory / "users.json"
    users = json.loads(file.read_text()) if file.exists() else {}
    if users.pop(username, None) is not None:
        _write_private(file, json.dumps(users).encode())


class Sessions:
    """The API's users and tokens; password hashes and the signing key are kept on the disk."""

    def __init__(self, directory: Path, username: str, password: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.throttle = Throttle()
        self._users_file = directory / "users.json"
        self._users: dict[str, str] = json.loads(self._users_file.read_text()) if self._users_file.exists() else {}
        if username not in self._users:
            self.set_password(username, password)
        self._key = _signing_key(directory / "private_key.pem")
        self._valid_since = 0

    @property
    def users(self) -> list[str]:
        return list(self._users)

    def set_password(self, username: str, password: str) -> None:
        salt = os.urandom(16)
        self._users[username] = f"{salt.hex()}:{_hash(password, salt)}"
        _write_private(self._users_file, json.dumps(self._users).encode())

    def end_all(self) -> None:
        """No token issued before now is taken any more."""
        self._valid_since = int(time.time()) + 1

    def sign_in(
        self, authorization: str, address: str, roles: Sequence[int], context: dict[str, Any] | None = None
    ) -> str:
        """A token for a Basic credential, with roles; raises ApiError 401 or 403.

        Args:
            roles: what the token permits; for an authorization context, those of the rules that it meets.
            context: who is asking by somebody else's credential (run_as); only some users may.
        """
        self.throttle.check_login(address)
        username = self._owner_of(authorization, address)
        if context is not None and not may_run_as(username):
            raise ApiError(403, CONTEXT_REFUSED, 6004)
        return jwt.encode(_claims(username, int(time.time()), roles, context), self._key, ALGORITHM)

    def _owner_of(self, authorization: str, address: str) -> str:
        username, password = _basic(authorization)
        salt, _, known = self._users.get(username, "00:").partition(":")
        if not hmac.compare_digest(_hash(password, bytes.fromhex(salt)), known):
            self.throttle.take_failure(address)
            raise ApiError(401, "Invalid credentials")
        return username

    def roles_of(self, authorization: str) -> list[int]:
        """The roles of a Bearer token; raises ApiError 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise ApiError(401, "No authorization token provided")
        try:
            claims = jwt.decode(token, self._key.public_key(), [ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
        except jwt.ExpiredSignatureError as error:
            raise ApiError(401, "Token expired") from error
        except jwt.InvalidTokenError as error:
            raise ApiError(401, "Invalid token") from error
        if claims["nbf"] < self._valid_since or claims["sub"] not in self._users:
            raise ApiError(401, "Invalid token")
        return list(claims["rbac_roles"])


def may_run_as(username: str) -> bool:
    """Whether the user may sign in with an authorization context; of a fresh manager's users, the dashboard's may."""
    return username == DASHBOARD_USER


def _claims(username: str, now: int, roles: Sequence[int], context: dict[str, Any] | None) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
        "sub": username,
        "run_as": context is not None,
        "rbac_roles": list(roles),
        "rbac_mode": "white",
    }
    if context is not None:
        claims["hash_auth_context"] = hashlib.blake2b(json.dumps(context).encode(), digest_size=16).hexdigest()
    return claims


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(401, "Invalid credentials") from error
    if scheme.lower() != "basic":
        raise ApiError(401, "No authorization token provided")
    return username, password


def _hash(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, **SCRYPT).hex()


def _write_private(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(file)


def _signing_key(file: Path) -> ec.EllipticCurvePrivateKey:
    if file.exists():
        key = load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{file} holds no EC key")
        return key
    fresh = ec.generate_private_key(ec.SECP521R1())
    _write_private(file, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return fresh
