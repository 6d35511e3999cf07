"""A WebAuthn authenticator of the tests: real keys and signatures; honest, unless a part of an answer is to lie."""

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftAuthenticator:
    """One passkey. `count` is its counter: 0 for ever, as synchronized ones have it, unless `counts` is set."""

    origin: str = "http://testserver"
    rp_id: str = "testserver"
    counts: bool = False
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes = b""

    def create(self, options: dict[str, Any], **lies: Any) -> str:
        """What `navigator.credentials.create` answers to options, as JSON."""
        asked = options["publicKey"]
        self.user_handle = websafe_decode(asked["user"]["id"])
        client_data = self._client_data("webauthn.create", asked["challenge"], lies)
        public = ES256.from_cryptography_key(self.key.public_key())
        attested = b"\0" * 16 + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor.encode(public)
        data = self._data(ATTESTED, lies) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": client_data, "attestationObject": attestation})

    def get(self, options: dict[str, Any], **lies: Any) -> str:
        """What `navigator.credentials.get` answers to options, as JSON."""
        asked = options["publicKey"]
        client_data = self._client_data("webauthn.get", asked["challenge"], lies)
        self.count += self.counts
        data = self._data(0, lies)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
        return self._answer({**response, "userHandle": lies.get("user_handle", self.user_handle)})

    def _client_data(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        told = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", challenge),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
        }
        return json.dumps(told).encode()

    def _data(self, flags: int, lies: dict[str, Any]) -> bytes:
        rp = hashlib.sha256(lies.get("rp_id", self.rp_id).encode()).digest()
        count = lies.get("count", self.count)
        return rp + struct.pack(">BI", flags | lies.get("flags", PRESENT | VERIFIED), count)

    def _answer(self, response: dict[str, bytes]) -> str:
        name = websafe_encode(self.credential_id)
        encoded = {key: websafe_encode(value) for key, value in response.items() if value}
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": encoded}
        )
