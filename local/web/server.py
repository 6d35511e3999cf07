"""The HTTP/1.1 server: one task a connection, keep-alive, bounded bodies."""

import asyncio
import contextlib
import ssl
import sys
import traceback
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import h11

from local.web.messages import BadRequest, Handler, Request, Response

CHUNK = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
BACKLOG = 512

Serve = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]

PEER_GONE = (ConnectionError, asyncio.IncompleteReadError, TimeoutError)


class HttpConnection:
    """Serves one accepted connection until either side ends it."""

    def __init__(
        self, reader: StreamReader, writer: StreamWriter, handler: Handler, *, server_name: str, max_body: int
    ) -> None:
        self.reader, self.writer, self.handler = reader, writer, handler
        self.server_name, self.max_body = server_name, max_body
        self.protocol = h11.Connection(h11.SERVER)
        # a unix socket has no address
        self.peer = str((writer.get_extra_info("peername") or ("",))[0])

    async def serve(self) -> None:
        while (request := await self._next_request()) is not None:
            response = await self._answer(request)
            await self._send(response, head_only=request.method == "HEAD")
            if self.protocol.our_state is h11.MUST_CLOSE:
                return
            self.protocol.start_next_cycle()

    async def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Answers what is no HTTP request, where an answer is still possible."""
        if self.protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            with contextlib.suppress(*PEER_GONE):
                await self._send(Response.of_json({"message": str(error)}, error.error_status_hint))

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self.protocol.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self.protocol.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self.protocol.receive_data(await self.reader.read(CHUNK))

    async def _next_request(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self.max_body:
                await self._send(Response.of_text(f"The body is larger than {self.max_body} bytes.\n", 413))
                return None
        if isinstance(event, h11.ConnectionClosed):
            return None
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        return Request(head.method.decode(), head.target.decode("latin-1"), headers, bytes(body), self.peer)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self.handler(request)
        except BadRequest as error:
            return Response.of_json({"message": str(error)}, 400)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return Response.of_json({"message": "Internal error; the node's log has the reason."}, 500)

    async def _send(self, response: Response, *, head_only: bool = False) -> None:
        headers = {"server": self.server_name, **response.headers}
        if response.status not in (204, 304):
            headers["content-length"] = str(len(response.body))
        self._write(h11.Response(status_code=response.status, headers=list(headers.items())))
        if response.body and not head_only:
            self._write(h11.Data(data=response.body))
        self._write(h11.EndOfMessage())
        await self.writer.drain()

    def _write(self, event: h11.Event) -> None:
        data = self.protocol.send(event)
        if data:
            self.writer.write(data)


async def serve_stream(
    reader: StreamReader,
    writer: StreamWriter,
    handler: Handler,
    *,
    server_name: str,
    max_body: int = MAX_BODY,
    early: bytes = b"",
) -> None:
    """Serves HTTP on an open stream and closes it; a peer that breaks off or talks nonsense loses its connection only.

    `early` is what was already read from the stream.
    """
    connection = HttpConnection(reader, writer, handler, server_name=server_name, max_body=max_body)
    try:
        if early:
            connection.protocol.receive_data(early)
        await connection.serve()
    except h11.RemoteProtocolError as error:
        await connection.refuse(error)
    except PEER_GONE:
        pass  # nobody is left to be told
    finally:
        writer.close()


class Listener:
    """An asyncio server whose open connections end together with it."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Future[None]] = set()

    async def open(
        self, serve: Serve, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listens on a port (0: a free one), of loopback unless told otherwise, and returns the port."""
        accept = self._tracking(serve)
        self._server = await asyncio.start_server(accept, host, port, backlog=BACKLOG, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def open_unix(self, serve: Serve, path: str) -> None:
        self._server = await asyncio.start_unix_server(self._tracking(serve), path, backlog=BACKLOG)

    async def open_http(self, handler: Handler, *, server_name: str, port: int = 0, max_body: int = MAX_BODY) -> int:
        async def serve(reader: StreamReader, writer: StreamWriter) -> None:
            await serve_stream(reader, writer, handler, server_name=server_name, max_body=max_body)

        return await self.open(serve, port=port)

    def _tracking(self, serve: Serve) -> Callable[[StreamReader, StreamWriter], None]:
        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.ensure_future(serve(reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        return accept

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


@contextlib.asynccontextmanager
async def http_listener(handler: Handler, *, server_name: str, port: int = 0) -> AsyncIterator[int]:
    """Serves `handler` on a loopback port for the length of a block; yields the port."""
    listener = Listener()
    try:
        yield await listener.open_http(handler, server_name=server_name, port=port)
    finally:
        await listener.close()
