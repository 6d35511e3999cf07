"""An agent of Wazuh 5: HTTPS to one endpoint, a bearer of its own for each request, events in batches.

Written from the published description of that interface (Wazuh 5.0), apart from the stand-in manager. Where the real
agent is given a token of its manager, this one sends the edge's token itself.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

VERSION = "5.0.0"
LIFETIME_SECONDS = 60
ANSWER_SECONDS = 40.0
AUTH_LOG = "/var/log/auth.log"


def endpoint_of(edge: str, tenant: str) -> str:
    """What stands in the agent's configuration as its manager's endpoint."""
    return f"{edge}/wazuh/{tenant}"


@dataclass(frozen=True)
class Wazuh5Agent:
    """One enrolled agent. `key` is 64 hex digits."""

    endpoint: str
    id: str
    name: str
    key: str

    def start(self) -> httpx.Response:
        """Says that the agent starts; until that is answered with 200 a real one sends no events."""
        return self._post("control", json.dumps({"type": "startup", "version": VERSION}).encode())

    def keep_alive(self) -> httpx.Response:
        host = {"hostname": self.name, "ip": "10.0.0.5", "os": {"name": "Debian GNU/Linux", "platform": "debian"}}
        message = {"type": "notify", "agent": {"version": VERSION}, "host": host}
        return self._post("control", json.dumps(message).encode())

    def report(self, lines: Iterable[str], location: str = AUTH_LOG) -> httpx.Response:
        """Sends a batch of log lines; 202 says that it was taken."""
        return self.send(self.batch(lines, location))

    def batch(self, lines: Iterable[str], location: str = AUTH_LOG) -> bytes:
        header = json.dumps({"wazuh": {"agent": {"id": self.id, "name": self.name, "version": VERSION}}})
        return "".join([f"H {header}\n", *(f"E 1:{location}:{line}\n" for line in lines)]).encode()

    def send(self, batch: bytes) -> httpx.Response:
        return self._post("stateless", batch)

    def _post(self, path: str, body: bytes) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.bearer()}", "protocol-version": "1"}
        return httpx.post(f"{self.endpoint}/{path}", content=body, headers=headers, timeout=ANSWER_SECONDS)

    def bearer(self) -> str:
        """A fresh `wazuh-agent+jwt`; members stand in the order of their names, as the profile has it."""
        now = int(time.time())
        header = {"alg": "HS256", "kid": self.id, "typ": "wazuh-agent+jwt"}
        claims = {
            "exp": now + LIFETIME_SECONDS,
            "iat": now,
            "iss": f"wazuh-agent/{self.id}",
            "jti": _base64url(secrets.token_bytes(16)),
            "nbf": now,
            "sub": self.id,
        }
        signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{signed}.{_base64url(hmac.digest(bytes.fromhex(self.key), signed.encode(), hashlib.sha256))}"


def enroll(edge: str, token: str, name: str) -> httpx.Response:
    """Asks to be enrolled with a token of the edge, which names its tenant; see `enrolled`."""
    headers = {"authorization": f"Bearer {token}", "protocol-version": "1", "content-type": "application/json"}
    body = {"name": name, "version": VERSION}
    return httpx.post(
        f"{endpoint_of(edge, _tenant_of(token))}/enroll", json=body, headers=headers, timeout=ANSWER_SECONDS
    )


def enrolled(edge: str, token: str, name: str) -> Wazuh5Agent:
    """The agent that the token makes. Raises httpx.HTTPStatusError where it is refused."""
    answer = enroll(edge, token, name).raise_for_status().json()
    return Wazuh5Agent(endpoint_of(edge, _tenant_of(token)), answer["id"], answer["name"], answer["key"])


def _tenant_of(token: str) -> str:
    return token.split("_")[1]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
