"""One socket an agent, and no message twice: also after the manager was killed."""

import io
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.nodes.host import Host
from local.nodes.manager.channel import SOCKET_HELD, AgentChannel
from local.nodes.manager.registry import Registry
from tests.local.agent_side import ACKNOWLEDGED, STARTUP, AgentSide
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio


class Channel:
    """The manager's channel alone, with a clock that the test sets."""

    def __init__(self, disk: Path) -> None:
        self.now, self.port = 1000.0, 0
        self.registry = Registry(disk)
        self.registry.add("web-1", id="001", key=KEY)
        host = Host("wazuh/wazuh-manager:4.14.7", {}, disk, lambda ports: None, output=io.StringIO())
        self.channel = AgentChannel(host, self.registry, lambda *event: None, clock=lambda: self.now)

    def agent(self, earlier: AgentSide | None = None) -> AgentSide:
        return AgentSide(self.port, "001", KEY, earlier.channel if earlier else None)


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[Channel]:
    one = Channel(tmp_path)
    one.port = await one.channel.open()
    yield one
    await one.channel.close()
    one.registry.close()


async def test_a_second_socket_is_refused_while_the_first_was_heard_of_lately(channel) -> None:
    async with channel.agent() as first:
        await first.start()
        channel.now += SOCKET_HELD - 1
        async with channel.agent(first) as second:
            await second.send(STARTUP)
            assert await second.is_closed()

        await first.keep_alive()
        channel.now += SOCKET_HELD - 1
        async with channel.agent(first) as third:
            await third.send(STARTUP)
            assert await third.is_closed(), "the keepalive held the socket for another minute"


async def test_a_second_socket_takes_over_from_one_that_fell_silent(channel) -> None:
    async with channel.agent() as first:
        await first.start()
        channel.now += SOCKET_HELD
        async with channel.agent(first) as second:
            await second.start()
            assert await first.is_closed()
            await second.keep_alive()


async def test_a_recorded_frame_is_refused_after_the_manager_was_killed(play, edge, monkeypatch) -> None:
    monkeypatch.setattr("local.nodes.manager.main.FLUSH_SECONDS", 3600)
    manager = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    await manager.insert()
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        await web.start()
        frame = await web.send(STARTUP)
        assert await web.receive() == ACKNOWLEDGED
        left_behind = shutil.copytree(manager.node.disk, manager.node.disk.with_name("killed"))

    restarted = await play("manager", disk=left_behind, HTTP_PROXY=edge.address)
    async with AgentSide(restarted.ports[1514], "001", KEY) as mallory:
        await mallory.send_raw(frame)
        assert await mallory.is_closed()
    async with AgentSide(restarted.ports[1514], "001", KEY, web.channel) as web:
        await web.start()  # the agent itself goes on from its counters


async def test_counters_of_an_agent_that_only_client_keys_knows_are_kept_too(tmp_path) -> None:
    keys = tmp_path / "etc" / "client.keys"
    keys.parent.mkdir()
    keys.write_text(f"001 web-1 any {KEY}\n")
    registry = Registry(tmp_path)

    registry.count(registry.find("001"), (7, 9))
    killed = Registry(shutil.copytree(tmp_path, tmp_path.with_name("killed")))

    agent = killed.find("001")
    assert (agent.received_global, agent.received_local) == (7, 9)
    registry.close()
    killed.close()
