"""The proxy of one container, asked by others."""

import httpx
import pytest

from local.engine.egress import EgressProxy

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


def client_credential(address: str) -> str:
    url = httpx.URL(address)
    authorization: str = httpx.BasicAuth(url.username, url.password)._auth_header
    return authorization
