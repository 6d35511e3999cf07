"""An OpenID provider of the tests: real signed tokens over the product's own HTTP client, honest by default."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class OidcIdp:
    """
    One provider. `person` is who signs in next; `claims`, `details`, `header` and `key` make its tokens lie,
    `discovery_changes` its discovery document, and `raw` says by path what it answers
    instead. `checks_secret` makes its token endpoint refuse every other one. `seen` keeps the forms posted to the token
    endpoint.
    """

    issuer: str = "https://login.example"
    client_id: str = "portal"
    client_secret: str = "a secret: with/odd+characters"
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "alice",
            "email": "alice@example.test",
            "email_verified": True,
            "name": "Alice",
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    discovery_changes: dict[str, Any] = field(default_factory=dict)
    token_changes: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    algorithm: str = "RS256"
    raw: dict[str, bytes] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    checks_secret: bool = False
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.issuer).netloc

    def authorize(self, location: str, **changes: str) -> str:
        """Plays the person at the provider's page; returns the query of the way back."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        query = {"code": "the-code", "state": self.asked["state"], "iss": self.issuer, **changes}
        return httpx.QueryParams({name: value for name, value in query.items() if value is not None}).__str__()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answers the portal's calls."""
        if request.url.path in self.raw:
            return httpx.Response(200, content=self.raw[request.url.path])
        return {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._keys,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }[request.url.path](request)

    def _discovery(self, request: httpx.Request) -> httpx.Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        return httpx.Response(200, json={**document, **self.discovery_changes})

    def _keys(self, request: httpx.Request) -> httpx.Response:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return httpx.Response(200, json={"keys": [{**public, "kid": "k1", "use": "sig"}]})

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.seen.append({**form, "authorization": request.headers.get("authorization", "")})
        if self.checks_secret and not self._knows(request.headers.get("authorization", "")):
            return httpx.Response(401, json={"error": "invalid_client"})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if form["code"] != "the-code" or challenge.rstrip("=") != self.asked["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        tokens = {"access_token": "the-access-token", "token_type": "Bearer", "id_token": self._id_token()}
        return _json({**tokens, **self.token_changes})

    def _knows(self, header: str) -> bool:
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()
        return header == f"Basic {base64.b64encode(pair).decode()}"

    def _userinfo(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != "Bearer the-access-token":
            return httpx.Response(401)
        return _json({**self.person, **self.details})

    def _id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": self.person["sub"],
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": self.asked.get("nonce", ""),
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm=self.algorithm, headers={"kid": "k1", **self.header})


def _json(value: dict[str, Any]) -> httpx.Response:
    """JSON that can spell characters which no UTF-8 can, as a hostile provider does."""
    return httpx.Response(200, content=json.dumps(value).encode())
