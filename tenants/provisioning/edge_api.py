"""
The only code that speaks to the Worker: its `/v1` doors as methods.

Every call is signed for exactly this method, path and body, and carries the id of what it belongs to, which both sides
log. Answers come back as plain values, failures as the errors of `edge_errors`.
"""

import datetime as dt
import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlencode

import httpx
import structlog

from controlplane import edge_keys
from controlplane.requests import HEADER, id_under_way
from tenants.provisioning.edge_errors import BY_CODE, EdgeAmbiguous, EdgeBusy, EdgeError, EdgeRefused, EdgeUnreachable
from tenants.provisioning.sighting import Malformed, Sighting

log = structlog.get_logger(__name__)

Key = Literal["control", "access"]

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 10.0
LONGEST_WAIT = 25
"""Seconds that a long poll of the changes may wait at the edge."""


class Address(Protocol):
    """Where a cell's edge answers; `Cell` is one."""

    id: str
    base_url: str


class EdgeApi:
    """
    The doors of one cell's edge.

    Raises, from every method: EdgeUnreachable (surely no effect), EdgeAmbiguous (look before acting again), EdgeBusy
    (try later), EdgeRefused and its kinds (the edge says no).
    """

    def __init__(self, cell: Address) -> None:
        self._cell = cell

    def put_tenant(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Hand over a tenant's spec under its fence. Repeating the same call changes nothing."""
        return self._sighting("PUT", f"/v1/tenants/{_part(tenant_id)}", body)

    def get_tenant(self, tenant_id: str) -> Sighting:
        """Look at a tenant. Raises UnknownAtEdge if the edge never heard of it."""
        return self._sighting("GET", f"/v1/tenants/{_part(tenant_id)}")

    def delete_tenant(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Have a tenant erased; what stays is a tombstone."""
        return self._sighting("DELETE", f"/v1/tenants/{_part(tenant_id)}", body)

    def rotate_certificates(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Have the certificates exchanged. The same operation again changes nothing."""
        return self._sighting("POST", f"/v1/tenants/{_part(tenant_id)}/certs/rotate", body)

    def sleep(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Have a tenant sleep that nobody uses. The same operation again changes nothing."""
        return self._sighting("POST", f"/v1/tenants/{_part(tenant_id)}/sleep", body)

    def wake(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Have a tenant woken, or verified where it is awake. The same operation again changes nothing."""
        return self._sighting("POST", f"/v1/tenants/{_part(tenant_id)}/wake", body)

    def rotate_credentials(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Have the nodes' passwords exchanged. The same operation again changes nothing."""
        return self._sighting("POST", f"/v1/tenants/{_part(tenant_id)}/credentials/rotate", body)

    def put_content(self, tenant_id: str, digest: str, files: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Store a bundle of content under its digest, for a plan to name. The same again changes nothing."""
        path = f"/v1/tenants/{_part(tenant_id)}/content/{_part(digest)}"
        return self._call("PUT", path, {"files": files})

    def logtest(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have the manager say what one event would come to; no alert comes of it."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/logtest", body, key="access")

    def list_tenants(self, *, after: str | None, limit: int = 100) -> dict[str, Any]:
        """A page of every tenant at the edge: `tenants`, `next`, `feed_epoch`, `latest_seq`."""
        query = {"limit": limit} if after is None else {"after": after, "limit": limit}
        return self._call("GET", f"/v1/tenants?{urlencode(query)}")

    def changes(self, *, after: int, wait: int, limit: int = 500) -> dict[str, Any]:
        """What changed since a sequence number; the edge waits up to `wait` seconds for something to tell."""
        query = urlencode({"after": after, "wait": wait, "limit": limit})
        return self._call("GET", f"/v1/changes?{query}", patience=wait)

    def usage(self, *, after: int, limit: int = 500) -> dict[str, Any]:
        """What tenants used, by hour, after a sequence number: `feed_epoch`, `oldest_seq`, `latest_seq`, `rows`."""
        return self._call("GET", f"/v1/usage?{urlencode({'after': after, 'limit': limit})}")

    def keys(self) -> dict[str, Any]:
        """Key-encryption keys by id: `current`, `configured`, `in_use` with how many tenants, `unknown` tenants."""
        return self._call("GET", "/v1/keys")

    def put_token(self, tenant_id: str, token_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make an enrollment token known at the edge, which counts its uses from then on."""
        return self._call("PUT", f"/v1/tenants/{_part(tenant_id)}/tokens/{_part(token_id)}", body)

    def get_token(self, tenant_id: str, token_id: str) -> dict[str, Any]:
        """An enrollment token's state and use count."""
        return self._call("GET", f"/v1/tenants/{_part(tenant_id)}/tokens/{_part(token_id)}")

    def revoke_token(self, tenant_id: str, token_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have the edge refuse an enrollment token from now on."""
        return self._call("DELETE", f"/v1/tenants/{_part(tenant_id)}/tokens/{_part(token_id)}", body)

    def quarantine_token(self, tenant_id: str, token_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have the edge refuse a token, close the connections of all agents it let in and refuse their credentials."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/tokens/{_part(token_id)}/quarantine", body)

    def agents(self, tenant_id: str, *, within: float = ANSWER_SECONDS) -> dict[str, Any]:
        """
        The tenant's agents: `agents`, and `partial` with its `reason` while the manager does not answer.

        Args: within: seconds after which an answer helps nobody.
        """
        path = f"/v1/tenants/{_part(tenant_id)}/agents"
        return self._call("GET", path, key="access", patience=within - ANSWER_SECONDS)

    def order_agents(self, tenant_id: str, order_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have agents grouped, upgraded or removed, once; the answer has each one's `results`."""
        return self._call("PUT", f"/v1/tenants/{_part(tenant_id)}/agent-orders/{_part(order_id)}", body)

    def agent_order(self, tenant_id: str, order_id: str) -> dict[str, Any]:
        """What became of an order for each agent."""
        return self._call("GET", f"/v1/tenants/{_part(tenant_id)}/agent-orders/{_part(order_id)}")

    def import_agents(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have agents taken over with their numbers and keys; says of each what became of it."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/agents/import", body, key="access")

    def quarantine(self, tenant_id: str, agent: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Close an agent's connections and refuse its credential."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/agents/{_part(agent)}/quarantine", body)

    def dashboard_code(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A one-time code that the browser posts to the tenant's own dashboard host."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/dashboard-codes", body, key="access")

    def revoke_access(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """End dashboard sessions and event streams that began before a moment; answers how many were open."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/revocations", body, key="access")

    def tell_trail(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Tell where the portal's trail ends; answers the farthest end told, and where the tenant's own ends."""
        return self._call("PUT", f"/v1/tenants/{_part(tenant_id)}/portal-trail", body)

    def erasure_certificate(self, tenant_id: str) -> str:
        """What the edge signed of a tenant's erasure, a compact JWS."""
        return str(self._call("GET", f"/v1/tenants/{_part(tenant_id)}/erasure-certificate")["receipt"])

    def isolation_receipt(self, tenant_id: str) -> str:
        """Have the edge look at a tenant and sign what is its alone, a compact JWS."""
        return str(self._call("GET", f"/v1/tenants/{_part(tenant_id)}/isolation-receipt")["receipt"])

    def receipt_keys(self) -> list[dict[str, Any]]:
        """The public keys (JWK) by which the edge signs receipts."""
        return list(self._call("GET", "/.well-known/jwks.json")["keys"])

    def order_backup(self, tenant_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have a backup made; the answer has its `id`. It is under way until `backups` says otherwise."""
        return self._call("POST", f"/v1/tenants/{_part(tenant_id)}/backups", body)

    def backups(self, tenant_id: str) -> list[dict[str, Any]]:
        """Every backup of a tenant that is kept, the newest first."""
        return list(self._call("GET", f"/v1/tenants/{_part(tenant_id)}/backups")["backups"])

    def order_export(self, tenant_id: str, export_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have an export made under this id; the same again is the same one."""
        return self._call("PUT", f"/v1/tenants/{_part(tenant_id)}/exports/{_part(export_id)}", body)

    def exports(self, tenant_id: str) -> list[dict[str, Any]]:
        """Every export of a tenant that has not expired, the newest first."""
        return list(self._call("GET", f"/v1/tenants/{_part(tenant_id)}/exports")["exports"])

    def export_manifest(self, tenant_id: str, export_id: str) -> dict[str, Any]:
        """One export with its files: `listed`, each with number, name, records, bytes and SHA-256."""
        return self._call("GET", f"/v1/tenants/{_part(tenant_id)}/exports/{_part(export_id)}", key="access")

    def export_file(self, tenant_id: str, export_id: str, number: int) -> bytes:
        """One file of an export, a few megabytes."""
        path = f"/v1/tenants/{_part(tenant_id)}/exports/{_part(export_id)}/files/{number}"
        bearer = self._signed("GET", path, b"", "access")
        answer = self._answer("GET", path, b"", bearer=bearer, patience=ANSWER_SECONDS)
        if not answer.is_success:
            raise _error_of(answer, _object_in(answer))
        return answer.content

    def restore(self, tenant_id: str, body: Mapping[str, Any]) -> Sighting:
        """Restore a tenant in place from one of its backups; a run of its own shows how far it is."""
        return self._sighting("POST", f"/v1/tenants/{_part(tenant_id)}/restore", body)

    def events(
        self,
        *,
        bearer: str,
        after: int,
        limit: int,
        kinds: Sequence[str] = (),
        min_level: int | None = None,
        since: dt.datetime | None = None,
        agent: str | None = None,
    ) -> dict[str, Any]:
        """
        A stretch of a tenant's event log, read with a scoped credential instead of a control signature.

        Args:
            kinds: only events of these; `next` moves past the others.
            min_level: of alerts only those of at least this rule level.
            since: nothing that the log took before this moment.
            agent: of alerts only those of the agent with this number.
        """
        asked: dict[str, Any] = {"after": after, "limit": limit, "kind": kinds}
        if min_level is not None:
            asked["min_level"] = min_level
        if since is not None:
            asked["from"] = since.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if agent is not None:
            asked["agent"] = agent
        query = urlencode(asked, doseq=True)
        path = f"/api/events?{query}"
        return self._send("GET", path, b"", bearer=bearer, patience=0)

    def _sighting(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Sighting:
        answer = self._call(method, path, body)
        try:
            return Sighting.read(answer)
        except Malformed as error:
            raise EdgeAmbiguous(f"The edge sent an unreadable view of the tenant: {error}.") from error

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: Key = "control",
        patience: float = 0,
    ) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        return self._send(method, path, content, bearer=self._signed(method, path, content, key), patience=patience)

    def _signed(self, method: str, path: str, content: bytes, key: Key = "control") -> str:
        return edge_keys.sign(key, cell_id=self._cell.id, method=method, path_query=path, body=content)

    def _send(self, method: str, path: str, content: bytes, *, bearer: str, patience: float) -> dict[str, Any]:
        return _read(self._answer(method, path, content, bearer=bearer, patience=patience))

    def _answer(self, method: str, path: str, content: bytes, *, bearer: str, patience: float) -> httpx.Response:
        request_id = id_under_way()
        headers = {"Authorization": f"Bearer {bearer}", HEADER: request_id}
        if content:
            headers["Content-Type"] = "application/json"
        timeout = httpx.Timeout(ANSWER_SECONDS + patience, connect=CONNECT_SECONDS)
        client = _client(os.getpid(), self._cell.base_url)
        try:
            answer = client.request(method, path, content=content, headers=headers, timeout=timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EdgeUnreachable("The edge can't be reached.", hint="We try again by ourselves.") from error
        except httpx.HTTPError as error:
            raise EdgeAmbiguous("The edge did not answer in time.", hint="We look again by ourselves.") from error
        write = log.debug if answer.is_success else log.info
        write("edge_call", method=method, path=path, status=answer.status_code, request_id=request_id)
        return answer


@functools.lru_cache(maxsize=64)
def _client(process: int, base_url: str) -> httpx.Client:
    """One pool of kept connections a process and edge: a forked child must not share its parent's sockets."""
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=30)
    return httpx.Client(base_url=base_url, limits=limits, follow_redirects=False, trust_env=False)


def _part(text: str) -> str:
    return quote(text, safe="")


def _read(answer: httpx.Response) -> dict[str, Any]:
    data = _object_in(answer)
    if answer.is_success and data is not None:
        return data
    raise _error_of(answer, data)


def _object_in(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        data = answer.json()
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _error_of(answer: httpx.Response, data: dict[str, Any] | None) -> EdgeError:
    """
    The error an answer stands for.

    Only "busy" among the server errors says that nothing happened. Another one, a success without JSON, or an answer
    without the edge's own error shape (something between us sent it) may have had its effect.
    """
    data = data or {}
    code, message = str(data.get("code") or ""), str(data.get("message") or "")
    broken = answer.is_server_error and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE
    if answer.is_success or broken or not code:
        return EdgeAmbiguous(message or "The edge answered something unreadable.", code=code)
    kind = BY_CODE.get(code) or (EdgeBusy if data.get("retryable") else EdgeRefused)
    return kind(message, code=code, hint=str(data.get("hint") or ""), details=data.get("details") or [])
