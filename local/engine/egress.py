"""Outgoing requests of a node: an HTTP proxy that hands them to workerd, and to nobody else.

A node's only way out is the proxy named in its HTTP_PROXY. Each request becomes what the real egress sidecar sends:
`CONNECT` with `X-Hostname` (plain HTTP) or `X-Tls-Sni` (a CONNECT of the node's, for TLS) to the port that workerd last
gave with `PUT /egress`. 200 means the Worker answers the request that follows. 202 would mean "let the bytes through to
the internet", which this engine never does.
"""

import asyncio
import base64
import secrets
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from local.engine.heads import CRLF, END, PEER_FAULTS, Head, read_head, refuse
from local.web.server import Listener
from local.web.streams import pump

GATEWAY = "127.0.0.1"
# workerd asks where the request was going; a name that it intercepts needs no address, so a meaningless one stands in
NO_ADDRESS = "192.0.2.1"
CONNECT_DEADLINE = 10.0
HOP_BY_HOP = {"proxy-authorization", "proxy-connection", "connection", "host"}


class EgressFailed(Exception):
    """The request cannot leave; the text goes back to the node."""


class EgressProxy:
    """One node's proxy. `egress_port` tells the port that workerd gave last, or None."""

    def __init__(self, egress_port: Callable[[], int | None]) -> None:
        self._egress_port = egress_port
        self._listener = Listener()
        # Any process on the machine can reach the port, other nodes too: the secret keeps them from being this one.
        self._secret = secrets.token_urlsafe(18)
        self._credential = "Basic " + base64.b64encode(f"node:{self._secret}".encode()).decode()

    async def open(self) -> str:
        """Starts the proxy; returns the value for HTTP_PROXY."""
        port = await self._listener.open(self._serve)
        return f"http://node:{self._secret}@127.0.0.1:{port}"

    async def close(self) -> None:
        await self._listener.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await self._forward(await read_head(reader), writer)
        except EgressFailed as failure:
            refuse(writer, "502 Bad Gateway", str(failure))
        except PEER_FAULTS:
            writer.close()
        else:
            await pump(reader, writer, upstream_reader, upstream_writer)

    async def _forward(self, head: Head, writer: StreamWriter) -> tuple[StreamReader, StreamWriter]:
        self._check_credential(head.get("proxy-authorization") or "")
        if head.method == "CONNECT":
            host, _, port = head.target.rpartition(":")
            streams = await self._dial(f"{NO_ADDRESS}:{port}", f"X-Tls-Sni: {host}", host)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return streams
        parts = urlsplit(head.target)
        if parts.scheme != "http" or not parts.hostname:
            raise EgressFailed("the proxy takes absolute http addresses and CONNECT only")
        streams = await self._dial(f"{NO_ADDRESS}:{parts.port or 80}", f"X-Hostname: {parts.hostname}", parts.hostname)
        streams[1].write(_origin_form(head, parts))
        return streams

    def _check_credential(self, given: str) -> None:
        if not secrets.compare_digest(given.encode(), self._credential.encode()):
            raise EgressFailed("this proxy belongs to another container")

    async def _dial(self, destination: str, hint: str, host: str) -> tuple[StreamReader, StreamWriter]:
        return await dial_workerd(GATEWAY, self._egress_port(), destination, hint, host)


async def dial_workerd(
    gateway: str, port: int | None, destination: str, hint: str, host: str
) -> tuple[StreamReader, StreamWriter]:
    """Asks workerd, at the egress port that it gave, to take a connection; the Worker answers what is written then.

    `destination` is `address:port`, `hint` the header that names the host, empty where none is known. Raises
    EgressFailed where the Worker takes no such connection.
    """
    if port is None:
        raise EgressFailed(f"no route to {host}: workerd has not opened the egress of this container")
    try:
        async with asyncio.timeout(CONNECT_DEADLINE):
            reader, writer = await asyncio.open_connection(gateway, port)
            lines = [f"CONNECT {destination} HTTP/1.1", f"Host: {destination}", *([hint] if hint else []), "", ""]
            writer.write(CRLF.join(lines).encode("latin-1"))
            answer = await reader.readuntil(END)
    except PEER_FAULTS as error:
        raise EgressFailed(f"no route to {host}: workerd does not answer ({error})") from error
    if answer.split(b" ", 2)[1] != b"200":
        writer.close()
        raise EgressFailed(f"no route to {host}: the Worker intercepts no such name and there is no internet here")
    return reader, writer


def _origin_form(head: Head, address: SplitResult) -> bytes:
    """The request's head as the Worker gets it: a path for an address, one request a connection or an upgrade."""
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    kept = [f"{name}: {value}" for name, value in head.fields if name.lower() not in HOP_BY_HOP]
    connection = "close" if head.get("upgrade") is None else "Upgrade"
    lines = [f"{head.method} {target} HTTP/1.1", f"Host: {address.netloc}", *kept, f"Connection: {connection}", "", ""]
    return CRLF.join(lines).encode("latin-1")
