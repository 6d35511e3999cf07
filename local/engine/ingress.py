"""What the egress/ingress sidecar of a node answers on its published port: `CONNECT` into the node, `PUT /egress`."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

from local.engine.heads import PEER_FAULTS, Head, read_head, refuse
from local.web.messages import BadRequest, Request, Response
from local.web.server import Listener, serve_stream
from local.web.streams import pump

INGRESS_PORT = 39001  # inside the container; workerd asks for the port it is published at
DIAL_DEADLINE = 5.0
ENGINE_NAME = "garrison-stand-in-engine"


class Sidecar:
    """The two-way door of one node. `port_of` maps a port inside the container to the loopback port that was taken."""

    def __init__(self, port_of: Callable[[int], int | None]) -> None:
        self._port_of = port_of
        self._listener = Listener()
        self.published_port = 0
        self.egress_port: int | None = None

    async def open(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.published_port = await self._listener.open(self._serve, host=host, port=port)

    async def close(self) -> None:
        await self._listener.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            head = await read_head(reader)
        except PEER_FAULTS:
            writer.close()
            return
        if head.method == "CONNECT":
            await self._connect(head, reader, writer)
        else:
            await serve_stream(reader, writer, self._handle, server_name=ENGINE_NAME, early=head.raw)

    async def _connect(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        """Opens a byte stream to the port in X-Dst-Addr, whatever address stands before it: only this node is here."""
        inside = (head.get("x-dst-addr") or head.target).rpartition(":")[2]
        try:
            node_reader, node_writer = await self._dial(inside)
        except PEER_FAULTS:
            refuse(writer, "400 Bad Request", f"Nothing listens on port {inside}.")
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await pump(reader, writer, node_reader, node_writer)

    async def _dial(self, inside: str) -> tuple[StreamReader, StreamWriter]:
        taken = self._port_of(int(inside)) if inside.isdigit() else None
        if taken is None:
            raise ConnectionRefusedError(inside)
        async with asyncio.timeout(DIAL_DEADLINE):
            return await asyncio.open_connection("127.0.0.1", taken)

    async def _handle(self, request: Request) -> Response:
        if (request.method, request.path) == ("PUT", "/egress"):
            self.egress_port = _port_in(request.json())
            return Response(204)
        if (request.method, request.path) == ("GET", "/ca"):
            # workerd asks for it at every start and uses it only to intercept TLS, which this engine does not do
            return Response.of_text("# no certificate authority: this engine intercepts plain HTTP only\n")
        return Response.of_text("The sidecar knows CONNECT, PUT /egress and GET /ca.\n", 404)


def _port_in(body: object) -> int:
    port = body.get("port") if isinstance(body, dict) else None
    if not isinstance(port, int) or not 0 < port < 65536:
        raise BadRequest('PUT /egress needs {"port": 1–65535}')
    return port
