"""Images that are slow or fail on purpose."""

import asyncio
import io
from pathlib import Path

import pytest

from local.nodes import faulty
from local.nodes.host import Host

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
