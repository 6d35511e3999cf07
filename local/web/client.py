"""The HTTP/1.1 client: one request a connection, through an HTTP proxy where one is given."""

import asyncio
import base64
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

import h11

CHUNK = 64 * 1024
UNREACHABLE = (OSError, TimeoutError, h11.RemoteProtocolError)


class RequestFailed(Exception):
    """No whole answer came: the peer was out of reach, too slow, or broke off."""


@dataclass(frozen=True)
class Reply:
    """A whole answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


async def request(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    proxy: str | None = None,
    timeout: float = 10.0,
) -> Reply:
    """Sends one plain-HTTP request and returns the whole answer.

    `proxy` is an address as in HTTP_PROXY (`http://user:password@host:port`); `timeout` is in seconds and covers
    everything. Raises RequestFailed where no whole answer came.
    """
    parts = urlsplit(url)
    via = urlsplit(proxy) if proxy else parts
    target = url if proxy else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = {"host": parts.netloc, "content-length": str(len(body)), "connection": "close"}
    head = {**own, **(headers or {}), **(_proxy_credential(via) if proxy else {})}
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(via.hostname or "", via.port or 80, method, target, head, body)
    except UNREACHABLE as error:
        where = f"{parts.scheme}://{parts.netloc}{parts.path}"
        raise RequestFailed(f"{method} {where}: {str(error) or 'timed out'}") from error


def _proxy_credential(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    credential = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"proxy-authorization": f"Basic {base64.b64encode(credential).decode()}"}


async def _exchange(host: str, port: int, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        protocol = h11.Connection(h11.CLIENT)
        writer.write(protocol.send(h11.Request(method=method, target=target, headers=list(headers.items()))) or b"")
        writer.write(protocol.send(h11.Data(data=body)) or b"")
        writer.write(protocol.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return await _read_reply(protocol, reader)
    finally:
        writer.close()


async def _read_reply(protocol: h11.Connection, reader: asyncio.StreamReader) -> Reply:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(CHUNK))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            fields = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Reply(head.status_code, fields, bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionError("the peer closed the connection before its answer was whole")
