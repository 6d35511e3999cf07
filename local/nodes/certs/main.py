"""The certificates node's door: `POST /mint` and `GET /health` on 8080. Keys are answered once, never stored here."""

import asyncio
import datetime as dt
import json

from local.nodes.certs.bundle import mint
from local.nodes.certs.request import read_request
from local.nodes.host import SERVER_NAME, Host
from local.web.messages import Request, Response
from local.web.routing import Routes
from local.web.server import http_listener

PORT = 8080
ISO = "%Y-%m-%dT%H:%M:%SZ"


class CertsNode:
    """Mints what a request asks for, or, where its body is empty, what CERTS_REQUEST asks for."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.routes = Routes(("GET", "/health", self.health), ("POST", "/mint", self.mint))

    async def handle(self, request: Request) -> Response:
        return await self.routes.answer(request, lambda status: Response.of_json({"message": "unknown"}, status))

    async def health(self, request: Request) -> Response:
        return Response.of_json({"status": "ready", "version": self.host.version})

    async def mint(self, request: Request) -> Response:
        body = request.json() if request.body else json.loads(self.host.environment.get("CERTS_REQUEST", "null"))
        wanted = read_request(body)
        bundle = await asyncio.to_thread(mint, wanted, dt.datetime.now(dt.UTC))
        self.host.log("minted a bundle", nodes=len(wanted.nodes), days=wanted.days, fingerprint=bundle.fingerprint)
        answer = {
            "files": bundle.files,
            "not_after": bundle.not_after.strftime(ISO),
            "fingerprint": bundle.fingerprint,
        }
        return Response.of_json(answer)


async def run(host: Host) -> int:
    """Serves until the node is stopped."""
    async with http_listener(CertsNode(host).handle, server_name=SERVER_NAME) as port:
        host.report_ports({PORT: port})
        await host.stopping.wait()
    return 0
