"""What the stand-in OpenID provider hands out: codes used once, access tokens, signed ID tokens."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.idp.people import Person
from local.web.messages import BadRequest

CODE_SECONDS = 60
TOKEN_SECONDS = 600
KEY_ID = "stand-in-1"


@dataclass(frozen=True)
class Grant:
    """What a code or an access token stands for."""

    person: Person
    client_id: str
    redirect_uri: str
    nonce: str
    challenge: str
    at: float = field(default_factory=time.time)


class Tokens:
    """Codes and tokens in memory, under a key made at the start."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}

    @property
    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def code_for(self, grant: Grant) -> str:
        """A code that can be exchanged once, within a minute."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = grant
        return code

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """The token answer for a code; raises BadRequest for one that is used, old or not this client's."""
        grant = self._codes.pop(code, None)
        digest = hashlib.sha256(verifier.encode()).digest()
        if grant is None or time.time() - grant.at > CODE_SECONDS or grant.redirect_uri != redirect_uri:
            raise BadRequest("invalid_grant")
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != grant.challenge:
            raise BadRequest("invalid_grant")
        access = secrets.token_urlsafe(32)
        self._access[access] = grant
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": self._id_token(grant, access),
        }

    def details(self, access: str) -> dict[str, Any] | None:
        """User details for an access token, or None for one that is unknown or old."""
        grant = self._access.get(access)
        if grant is None or time.time() - grant.at > TOKEN_SECONDS:
            return None
        return _claims(grant.person)

    def _id_token(self, grant: Grant, access: str) -> str:
        half = hashlib.sha256(access.encode()).digest()[:16]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": grant.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": int(grant.at),
            "nonce": grant.nonce,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            **_claims(grant.person),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def _claims(person: Person) -> dict[str, Any]:
    return {"sub": person.sub, "email": person.email, "email_verified": person.email_verified, "name": person.name}
