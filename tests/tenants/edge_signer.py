"""Signs receipts as the edge does."""

import base64
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Signer:
    """One key of one edge."""

    def __init__(self, kid: str = "key-1") -> None:
        self._private = Ed25519PrivateKey.generate()
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}

    def sign(self, statement: dict[str, Any], typ: str = "edge-receipt+jwt") -> str:
        """A receipt."""
        headers = {"typ": typ, "kid": self.jwk["kid"]}
        return jwt.encode(
            {"iss": "edge:test:lo", "iat": 1, **statement}, self._private, algorithm="EdDSA", headers=headers
        )
