"""The HTTPS port of a Wazuh 5 manager for its agents (1517), and the hop of the real image in front of it (1518).

Written from the published description of that interface (Wazuh 5.0, `agent-api.yaml`); of what agents report only the
events are analysed, and inventory, statistics and settings are taken and forgotten.
"""

import asyncio
import hashlib
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import jwt

from images.lib.tls_hop.hop import Hop
from images.lib.tls_hop.manager import Manager as PinnedManager
from local.nodes.host import SERVER_NAME, Host
from local.nodes.manager.channel import Analyse
from local.nodes.manager.enrollment import server_context
from local.nodes.manager.registry import Agent, Registry
from local.web.messages import Request, Response
from local.web.routing import Routes
from local.web.server import Listener, serve_stream

PROTOCOL = "1"
CLOCK_SKEW = 30  # seconds
CLAIMS = {"exp", "iat", "iss", "jti", "nbf", "sub"}
LIMITS = {"fim": {"file": 30000}, "syscollector": {"packages": 30000}, "sca": {"checks": 30000}}
HASHED = hashlib.sha256


class Refusal(Exception):
    """The request is answered with this status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class AgentsHttps:
    """Serves agents below `prefix`. `certificate` is the node's own, with its key (both PEM)."""

    def __init__(
        self, host: Host, registry: Registry, analyse: Analyse, prefix: str, certificate: tuple[str, str]
    ) -> None:
        self._host, self._registry, self._analyse = host, registry, analyse
        self._prefix, self._certificate = prefix, certificate
        self._listener = Listener()
        self._hop: Hop | None = None
        self._open = Routes(
            ("GET", prefix, self._alive),
            ("GET", f"{prefix}cacerts", self._cacerts),
            ("POST", f"{prefix}enroll", self._closed),
        )
        self._proven = Routes(
            ("POST", f"{prefix}control", self._control),
            ("POST", f"{prefix}stateless", self._stateless),
            ("POST", f"{prefix}download", self._download),
            *(("POST", prefix + name, self._taken) for name in ("stateful", "config", "stats", "scan/vd")),
        )

    async def open(self) -> int:
        """Listens on both ports and returns the hop's, the only one that is reached from outside."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve_stream(reader, writer, self.handle, server_name=SERVER_NAME)

        tls = server_context(*self._certificate, self._host.disk)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        port = await self._listener.open(serve, tls=tls)
        self._hop = Hop(("127.0.0.1", 0), self._prefix, PinnedManager("127.0.0.1", port, self._own_certificate()))
        threading.Thread(target=self._hop.serve_forever, daemon=True).start()
        return int(self._hop.server_address[1])

    def _own_certificate(self) -> Path:
        file = self._host.disk / "etc" / "sslmanager.cert"
        file.write_text(self._certificate[0])
        return file

    async def close(self) -> None:
        if self._hop:
            await asyncio.to_thread(self._hop.shutdown)
            self._hop.server_close()
        await self._listener.close()

    async def handle(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except Refusal as refusal:
            return Response.of_json({"error": refusal.reason, "code": refusal.status}, refusal.status)

    async def _answer(self, request: Request) -> Response:
        found = self._open.find(request)
        if not isinstance(found, int):
            return await found[0](request)
        found = self._proven.find(request)
        if isinstance(found, int):
            raise Refusal(found, "Not found")
        if request.headers.get("protocol-version") != PROTOCOL:
            raise Refusal(400, "Unsupported protocol-version")
        if "content-encoding" in request.headers:  # the real one takes zstd
            raise Refusal(415, "Unsupported Content-Encoding")
        return await found[0](request, self._agent_of(request))

    def _agent_of(self, request: Request) -> Agent:
        """The agent whose key signed the bearer; one answer for all that can be wrong with it."""
        refused = Refusal(401, "Invalid client authentication")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            header = jwt.get_unverified_header(token)
            agent = self._registry.find(str(header.get("kid")))
            if scheme != "Bearer" or agent is None or header.get("typ") != "wazuh-agent+jwt":
                raise refused
            claims = jwt.decode(token, bytes.fromhex(agent.key), algorithms=["HS256"], leeway=CLOCK_SKEW)
        except (jwt.InvalidTokenError, ValueError) as problem:
            raise refused from problem
        expected = {"sub": agent.id, "iss": f"wazuh-agent/{agent.id}", "exp": claims.get("iat", 0) + 60}
        if set(claims) != CLAIMS or {name: claims[name] for name in expected} != expected:
            raise refused
        return agent

    async def _alive(self, request: Request) -> Response:
        return Response.of_json({"status": "ok", "module": "remoted"})

    async def _cacerts(self, request: Request) -> Response:
        return Response.of_text(self._certificate[0], content_type="application/x-pem-file")

    async def _closed(self, request: Request) -> Response:
        """The edge alone enrolls."""
        error = {"code": 0, "message": "Enrollment is disabled on this manager"}
        return Response.of_json({"error": error}, 403)

    async def _control(self, request: Request, agent: Agent) -> Response:
        message = _object(request.body, "invalid_json")
        answer = {"startup": self._started, "notify": self._kept_alive, "shutdown": self._shut_down}.get(
            str(message.get("type"))
        )
        if answer is None:
            raise Refusal(400, "unknown_message_type")
        said = answer(agent, message)
        agent.node = self._host.name
        self._registry.touch(agent)
        return Response.of_json(said)

    def _started(self, agent: Agent, message: dict[str, Any]) -> dict[str, Any]:
        agent.version = f"Wazuh v{message.get('version')}"
        agent.started_at, agent.shut_down = time.time(), 0
        return {"limits": LIMITS, "cluster": {"name": "wazuh"}, "agent": {"groups": agent.groups}}

    def _kept_alive(self, agent: Agent, message: dict[str, Any]) -> dict[str, Any]:
        host = message.get("host") or {}
        agent.ip = host.get("ip") or agent.ip
        agent.started_at = agent.started_at or time.time()
        agent.last_keepalive, agent.shut_down = time.time(), 0
        token = ",".join(agent.groups)
        config = {"groups": agent.groups, "config_token": token, "config_hash": HASHED(self._merged(agent)).hexdigest()}
        return {"agent": config, "settings_hash": HASHED(b"settings").hexdigest(), "tasks": [], "vd_feed_offset": 0}

    def _shut_down(self, agent: Agent, message: dict[str, Any]) -> dict[str, Any]:
        agent.shut_down = 1
        return {}

    async def _stateless(self, request: Request, agent: Agent) -> Response:
        header, *events = request.body.decode(errors="replace").removesuffix("\n").split("\n")
        whole = all(event.startswith("E ") and event.count(":") > 1 for event in events)
        if not whole or _sender_of(header) != int(agent.id):
            raise Refusal(400, "Invalid event batch")
        for event in events:
            self._analyse(agent, *event[2:].split(":", 2))
        return Response(202)

    async def _download(self, request: Request, agent: Agent) -> Response:
        asked = _object(request.body, "Invalid request format")
        if asked.get("resource_type") != "config" or asked.get("resource_id") != ",".join(agent.groups):
            raise Refusal(404, "Resource not found")
        return Response(200, self._merged(agent), {"content-type": "application/octet-stream"})

    def _merged(self, agent: Agent) -> bytes:
        return self._registry.shared.merged(agent.groups)

    async def _taken(self, request: Request, agent: Agent) -> Response:
        return Response.of_json({})


def _sender_of(header: str) -> int | None:
    """The number of the agent that a batch's first line names."""
    try:
        return int(json.loads(header.removeprefix("H "))["wazuh"]["agent"]["id"]) if header.startswith("H ") else None
    except (ValueError, TypeError, KeyError):
        return None


def _object(text: bytes, fault: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise Refusal(400, fault) from problem
    if not isinstance(value, dict):
        raise Refusal(400, fault)
    return value
