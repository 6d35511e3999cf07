"""The edge as a node sees it: an HTTP proxy behind which the intercepted names answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from local.web.messages import Request, Response
from local.web.server import Listener

DEADLINE = 15.0
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """One request that a node sent."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes


class EdgeSide:
    """Keeps every call; answers by `handlers` (host name → handler), 200 `{}` without one."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.calls: list[Call] = []
        self.changed = asyncio.Condition()  # notified after each call
        self._listener = Listener()
        self.address = ""

    async def __aenter__(self) -> "EdgeSide":
        port = await self._listener.open_http(self._answer, server_name="edge")
        self.address = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listener.close()

    async def _answer(self, request: Request) -> Response:
        address = urlsplit(request.target)
        call = Call(request.method, address.hostname or "", address.path, request.headers, request.body)
        handler = self.handlers.get(call.host)
        response = await handler(request) if handler else Response.of_json({})
        async with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
        return response

    async def calls_to(self, host: str, path: str, count: int = 1) -> list[Call]:
        """Waits for so many calls; all there are."""

        def found() -> list[Call]:
            return [call for call in self.calls if (call.host, call.path) == (host, path)]

        async with asyncio.timeout(DEADLINE), self.changed:
            await self.changed.wait_for(lambda: len(found()) >= count)
        return found()

    def lead_to(self, host: str, port: int, *, headers: dict[str, str] | None = None) -> None:
        """Lets a name lead to a node's port, as the gate does."""

        async def pass_on(request: Request) -> Response:
            address = urlsplit(request.target)
            url = f"http://127.0.0.1:{port}{address.path}" + (f"?{address.query}" if address.query else "")
            passed = {name: value for name, value in request.headers.items() if name not in ("host", "connection")}
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                answer = await client.request(
                    request.method, url, headers={**passed, **(headers or {})}, content=request.body
                )
            return Response(answer.status_code, answer.content, {"content-type": answer.headers["content-type"]})

        self.handlers[host] = pass_on
