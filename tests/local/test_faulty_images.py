"""Images that are slow, fail or attack on purpose."""

import asyncio
import io
from pathlib import Path

import pytest

from local.engine.images import find_image
from local.nodes import faulty
from local.nodes.host import Host
from local.nodes.hostile import HostileDashboard
from local.web.messages import Request

pytestmark = pytest.mark.anyio


@pytest.fixture
def host(tmp_path: Path) -> Host:
    environment = {"INDEXER_PASSWORD": "Indexer.1-password"}
    ports: dict[int, int] = {}
    node = Host("wazuh/wazuh-indexer:4.14.7-slow", environment, tmp_path, ports.update, output=io.StringIO())
    node.reported = ports
    return node


async def test_the_slow_indexer_listens_only_after_its_recovery(host, monkeypatch) -> None:
    monkeypatch.setattr(faulty, "SLOW_START", 0.2)
    running = asyncio.create_task(faulty.starts_slowly(host))

    await asyncio.sleep(0)
    assert host.reported == {}
    async with asyncio.timeout(10):
        while 9200 not in host.reported:
            await asyncio.sleep(0.01)

    host.stopping.set()
    assert await running == 0


async def test_the_slow_indexer_can_be_stopped_while_it_recovers(host) -> None:
    running = asyncio.create_task(faulty.starts_slowly(host))
    await asyncio.sleep(0)

    host.stopping.set()

    assert await running == 0
    assert host.reported == {}


async def test_the_failing_indexer_says_why(host) -> None:
    assert await faulty.exits_while_starting(host) == 1
    assert "cannot start" in host.output.getvalue()


def test_an_image_names_the_version_it_stands_for(host) -> None:
    assert host.version == "4.14.7"


async def test_the_hostile_dashboard_asks_a_browser_for_all_that_a_server_can(tmp_path: Path) -> None:
    image = find_image("wazuh/wazuh-dashboard:4.14.7-hostile")
    assert image is not None
    assert image.entry == "local.nodes.hostile:run"
    visitor = {"x-proxy-user": "usr_vera", "x-proxy-roles": "tenant_admin", "x-forwarded-host": "t.dash.localhost:1"}
    node = HostileDashboard(Host("wazuh/wazuh-dashboard:4.14.7-hostile", {}, tmp_path, print))

    page = await node.handle(Request("GET", "/dashboard/hostile?cookie=__Host-session", visitor))
    assert page.headers["set-cookie"].startswith("__Host-session=by-a-server; Domain=dash.localhost;")
    assert "content-security-policy" not in page.headers
    worker = await node.handle(Request("GET", "/dashboard/sw.js", visitor))
    assert worker.headers["service-worker-allowed"] == "/"
    assert b"usr_vera" in (await node.handle(Request("GET", "/dashboard/seen", visitor))).body
