"""The proxy of one container, asked by others."""

import asyncio

import httpx
import pytest

from local.engine.egress import EgressProxy
from local.engine.heads import Head, read_head, refuse
from local.web.server import Listener

pytestmark = pytest.mark.anyio


async def test_a_container_cannot_use_the_proxy_of_another() -> None:
    own, others = EgressProxy(lambda: None), EgressProxy(lambda: None)
    own_address, others_address = await own.open(), await others.open()
    stolen = own_address.rpartition("@")[0] + "@" + others_address.rpartition("@")[2]
    anonymous = "http://" + others_address.rpartition("@")[2]

    for proxy in (stolen, anonymous):
        async with httpx.AsyncClient(proxy=proxy, trust_env=False) as client:
            answer = await client.get("http://indexer.internal/")
        assert answer.status_code == 502
        assert "belongs to another container" in answer.text

    await own.close()
    await others.close()


async def test_only_absolute_http_addresses_are_taken() -> None:
    proxy = EgressProxy(lambda: None)
    address = await proxy.open()

    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        answer = await client.get("/", headers={"proxy-authorization": client_credential(address)})

    assert answer.status_code == 502
    assert "absolute" in answer.text
    await proxy.close()


@pytest.mark.parametrize(("asked", "passed"), [({"upgrade": "websocket"}, "Upgrade"), ({}, "close")])
async def test_a_request_for_an_upgrade_arrives_as_one(asked: dict[str, str], passed: str) -> None:
    heads: list[Head] = []

    async def workerd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        heads.append(await read_head(reader))
        refuse(writer, "404 Not Found", "nobody is here")

    listener = Listener()
    port = await listener.open(workerd)
    proxy = EgressProxy(lambda: port)
    async with httpx.AsyncClient(proxy=await proxy.open(), trust_env=False) as client:
        assert (
            await client.get("http://mesh.internal/0", headers={"connection": "Upgrade", **asked})
        ).status_code == 404

    connect, request = heads
    assert (connect.method, connect.get("x-hostname")) == ("CONNECT", "mesh.internal")
    assert (request.target, request.get("connection"), request.get("upgrade")) == ("/0", passed, asked.get("upgrade"))
    await proxy.close()
    await listener.close()


def client_credential(address: str) -> str:
    url = httpx.URL(address)
    authorization: str = httpx.BasicAuth(url.username, url.password)._auth_header
    return authorization
