"""The small HTTP server under engine and nodes."""

import asyncio

import pytest

from local.web.client import RequestFailed, request
from local.web.messages import Request, Response
from local.web.server import Listener, http_listener

pytestmark = pytest.mark.anyio


async def echo(incoming: Request) -> Response:
    return Response.of_json({"method": incoming.method, "path": incoming.path, "length": len(incoming.body)})


async def raw(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(10):
        received = await reader.read()
    writer.close()
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_the_next_one_is_served(sent) -> None:
    async with http_listener(echo, server_name="test") as port:
        assert (await raw(port, sent)).startswith(b"HTTP/1.1 4")
        assert (await request("GET", f"http://127.0.0.1:{port}/next")).status == 200


async def test_several_requests_share_a_connection() -> None:
    async with http_listener(echo, server_name="test") as port:
        both = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await raw(port, both)

    assert b'"path":"/a"' in answer
    assert b'"path":"/b"' in answer


async def test_a_body_over_the_bound_is_413() -> None:
    listener = Listener()
    port = await listener.open_http(echo, server_name="test", max_body=10)

    assert (await request("POST", f"http://127.0.0.1:{port}/", body=b"x" * 10)).status == 200
    assert (await request("POST", f"http://127.0.0.1:{port}/", body=b"x" * 11)).status == 413
    await listener.close()


async def test_a_handlers_fault_is_500_without_its_reason(capsys) -> None:
    async def broken(incoming: Request) -> Response:
        raise RuntimeError("the secret reason")

    async with http_listener(broken, server_name="test") as port:
        answer = await request("GET", f"http://127.0.0.1:{port}/")

    assert answer.status == 500
    assert b"secret reason" not in answer.body
    assert "secret reason" in capsys.readouterr().err


async def test_a_peer_that_never_answers_fails_the_request_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    listener = Listener()
    port = await listener.open(silent)
    with pytest.raises(RequestFailed, match="timed out"):
        await request("GET", f"http://127.0.0.1:{port}/", timeout=0.1)
    await listener.close()


async def test_a_peer_that_breaks_off_fails_the_request() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    listener = Listener()
    port = await listener.open(rude)
    with pytest.raises(RequestFailed):
        await request("GET", f"http://127.0.0.1:{port}/")
    await listener.close()
