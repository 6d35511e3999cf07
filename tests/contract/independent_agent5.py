"""
The first minutes of an unchanged agent of Wazuh 5, written apart: from the description of its enrollment alone.

It shares no code with `local/agent`, the portal or the edge. What it knows of the protocol (Wazuh 5.0):

- `WAZUH_ENROLLMENT_TOKEN` is base64url without padding around a JSON object of exactly `ver` (1), `adr`
  (`host[:port][/prefix]`), one of `pin` and `ca`, and `key` (base64url of 16 bytes id and 16 bytes secret).
- `POST https://<adr>/enroll` with `protocol-version: 1` and a bearer, a JWT: its header is exactly `alg` HS256, `kid`
  (the id, 22 characters) and `typ` wazuh-enroll+jwt, its claims are exactly `exp`, `iat`, `jti`, `nbf`, for 60 seconds.
- Its key is HKDF-SHA256 of the secret: salt 32 zero bytes, label `WAZUH-ENROLL-TOKEN-KEY` and a byte 1, 32 bytes long.
- 200 carries `id`, `name`, `ip`, `key`. A refusal's envelope is `{"error": {"code", "message"}}`; 403 with 9022, 9023
  or 9024 makes the agent stop, and everything else makes it try again.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass

import httpx

ADR = re.compile(r"(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?(?P<prefix>/[A-Za-z0-9._~/-]*)?\Z")
STOPS = (9022, 9023, 9024)


@dataclass(frozen=True)
class Token:
    """What an agent reads in its token."""

    address: str
    anchor: str
    id: bytes
    secret: bytes


def decode(text: str) -> bytes:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert encode(raw) == text, "another spelling of the same bytes is refused"
    return raw


def encode(raw: bytes) -> str:
    return base64.b64encode(raw, altchars=b"-_").decode().rstrip("=")


def read(text: str) -> Token:
    members = json.loads(decode(text))
    assert set(members) <= {"ver", "adr", "pin", "ca", "key"}
    assert members["ver"] == 1
    assert ("pin" in members) != ("ca" in members), "exactly one anchor"
    assert ADR.match(members["adr"])
    key = decode(members["key"])
    assert len(key) == 32
    return Token(members["adr"], members.get("ca") or members["pin"], key[:16], key[16:])


def hkdf(secret: bytes) -> bytes:
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, b"WAZUH-ENROLL-TOKEN-KEY\x01" + b"\x01", hashlib.sha256)


def bearer(token: Token) -> str:
    now = int(time.time())
    header = f'{{"alg":"HS256","kid":"{encode(token.id)}","typ":"wazuh-enroll+jwt"}}'
    claims = f'{{"exp":{now + 60},"iat":{now},"jti":"{encode(secrets.token_bytes(16))}","nbf":{now}}}'
    signed = f"{encode(header.encode())}.{encode(claims.encode())}"
    return f"{signed}.{encode(hmac.digest(hkdf(token.secret), signed.encode(), hashlib.sha256))}"


def enroll(text: str, name: str) -> httpx.Response:
    """Asks to be enrolled; over plain HTTP, as the edge of the tests has no certificate."""
    token = read(text)
    headers = {"authorization": f"Bearer {bearer(token)}", "protocol-version": "1"}
    body = {"name": name, "version": "v5.0.0"}
    return httpx.post(f"http://{token.address}/enroll", json=body, headers=headers, timeout=40)


def gives_up(refused: httpx.Response) -> bool:
    """Whether the agent stops after this refusal."""
    return refused.status_code == 403 and refused.json()["error"]["code"] in STOPS
