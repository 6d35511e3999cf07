"""The agent channel on 1514, against an agent that shares no code with the manager."""

import hashlib
import struct
import time

import pytest

from local.agent.frames import Channel
from tests.local.agent_side import ACKNOWLEDGED, SHUTDOWN, STARTUP, AgentSide, keepalive
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    side = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    await side.insert()
    return side


def agent(manager: ManagerSide, id: str = "001", key: str = KEY, channel: Channel | None = None) -> AgentSide:
    return AgentSide(manager.node.ports[1514], id, key, channel)


async def test_an_agent_is_never_connected_then_pending_then_active(manager) -> None:
    assert (await manager.agent())["status"] == "never_connected"

    async with agent(manager) as web:
        assert await web.ask(STARTUP) == ACKNOWLEDGED
        assert (await manager.agent())["status"] == "pending"
        assert await web.ask(keepalive()) == ACKNOWLEDGED
        view = await manager.agent()

    assert view["status"] == "active"
    assert view["version"] == "Wazuh v4.14.7"
    assert view["ip"] == "10.0.0.5"
    assert view["os"]["name"] == "Debian GNU/Linux"


async def test_an_agent_without_keepalives_is_disconnected_after_half_a_minute(manager, monkeypatch) -> None:
    async with agent(manager) as web:
        await web.start()

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 29)
    assert (await manager.agent())["status"] == "active"
    monkeypatch.setattr(time, "time", lambda: now + 31)
    assert (await manager.agent())["status"] == "disconnected"


async def test_an_agent_that_shuts_down_is_disconnected_at_once(manager) -> None:
    async with agent(manager) as web:
        await web.start()
        await web.send(SHUTDOWN)
        await web.ping()  # answered in order, so the shutdown was taken

        assert (await manager.agent())["status"] == "disconnected"


async def test_a_clear_ping_is_answered_to_anybody(manager) -> None:
    async with agent(manager) as nobody:
        await nobody.ping()


async def test_a_message_sent_again_ends_the_connection(manager) -> None:
    async with agent(manager) as web:
        frame = await web.send(STARTUP)
        assert await web.receive() == ACKNOWLEDGED

        await web.send_raw(frame)

        assert await web.is_closed()


async def test_a_recorded_frame_is_refused_on_a_new_connection_and_after_a_restart(manager, play, edge) -> None:
    async with agent(manager) as web:
        frame = await web.send(STARTUP)
        await web.receive()
    async with agent(manager) as replay:
        await replay.send_raw(frame)
        assert await replay.is_closed()

    await manager.node.stop()
    restarted = await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)
    async with AgentSide(restarted.ports[1514], "001", KEY) as replay:
        await replay.send_raw(frame)
        assert await replay.is_closed()


async def test_a_second_socket_of_the_same_agent_is_refused_while_the_first_is_open(manager) -> None:
    async with agent(manager) as first:
        await first.start()
        async with agent(manager, channel=first.channel) as second:
            await second.send(STARTUP)
            assert await second.is_closed()
        await first.keep_alive()

    async with agent(manager, channel=first.channel) as third:
        await third.start()


async def test_an_agent_is_known_by_its_key_alone(manager) -> None:
    async with agent(manager, key="f" * 64) as mallory:
        await mallory.send(STARTUP)
        assert await mallory.is_closed()
    assert (await manager.agent())["status"] == "never_connected"


async def test_an_agent_cannot_speak_for_another_on_its_socket(manager) -> None:
    await manager.insert("002", "db-1", "f" * 64)
    async with agent(manager) as web:
        await web.start()
        await web.send_raw(Channel("002", "f" * 64).seal(STARTUP))
        assert await web.is_closed()


async def test_a_removed_agent_is_cut_off(manager) -> None:
    async with agent(manager) as web:
        await web.start()

        answer = await manager.call("DELETE", "/agents?agents_list=001&status=all&older_than=0s")

        assert answer["data"]["affected_items"] == ["001"]
        assert await web.is_closed()


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00",
        b"!001!",
        b"!001!#AES:short",
        b"!001!#AES:" + bytes(48),
        b"!abc!#AES:" + bytes(16),
        b"!999!#AES:" + bytes(16),
        b"GET / HTTP/1.1",
    ],
)
async def test_what_is_no_frame_of_an_agent_ends_its_connection_only(manager, payload) -> None:
    async with agent(manager) as mallory, agent(manager) as web:
        await mallory.send_raw(struct.pack("<I", len(payload)) + payload)
        assert await mallory.is_closed()
        await web.start()


async def test_a_frame_of_impossible_length_ends_the_connection(manager) -> None:
    async with agent(manager) as mallory:
        await mallory.send_raw(struct.pack("<I", 2**31))
        assert await mallory.is_closed()


async def test_a_message_larger_than_a_real_manager_takes_ends_the_connection(manager) -> None:
    async with agent(manager) as web:
        await web.start()
        await web.log("x" * 65_000)
        await web.ping()

        await web.log("x" * 66_000)  # its frame is small: it was packed
        assert await web.is_closed()


@pytest.mark.parametrize("address", ["10.0.0.300", "10.0.0.0/8", "<script>", "fe80::1%eth0", "x" * 300, "any"])
async def test_what_an_agent_calls_its_address_counts_only_where_it_is_one(manager, address) -> None:
    async with agent(manager) as web:
        await web.ask(STARTUP)
        await web.ask(keepalive().replace("10.0.0.5", address))
        assert "ip" not in await manager.agent()
    async with agent(manager, channel=web.channel) as web:
        await web.ask(keepalive().replace("10.0.0.5", "2001:db8::5"))
        assert (await manager.agent())["ip"] == "2001:db8::5"


@pytest.mark.parametrize("held", ["x", "a" * 32])
async def test_an_agent_gets_its_groups_files_until_it_has_them(manager, held) -> None:
    async with agent(manager) as web:
        await web.ask(STARTUP)
        assert await web.ask(keepalive(f"{held} merged.mg")) == ACKNOWLEDGED
        announcement = await web.receive()
        content = await web.receive()
        assert await web.receive() == "#!-close file "

        digest = hashlib.md5(content.encode()).hexdigest()
        assert announcement == f"#!-up file {digest} merged.mg\n"
        assert web.shared_file.sum == digest
        await web.keep_alive()
        await web.keep_alive()  # nothing was pushed in between


async def test_an_agent_is_synced_only_while_it_has_its_groups_present_files(manager) -> None:
    async def counted() -> dict:
        return (await manager.call("GET", "/agents/summary/status"))["data"]["configuration"]

    async with agent(manager) as web:
        await web.start()
        assert (await manager.agent())["group_config_status"] == "not synced", "its keepalive said that it has none"
        await web.keep_alive()
        assert (await manager.agent())["group_config_status"] == "synced"
        assert await counted() == {"synced": 1, "not_synced": 0, "total": 1}

        await manager.call("POST", "/groups", {"group_id": "linux"})
        await manager.call("PUT", "/agents/001/group/linux")
        assert (await manager.agent())["group_config_status"] == "not synced"
        assert await counted() == {"synced": 0, "not_synced": 1, "total": 1}


LABELS = '<agent_config><labels><label key="site">berlin</label></labels></agent_config>'


async def test_the_labels_of_a_group_reach_its_agent_and_what_the_agent_says_of_them_is_kept(
    manager, play, edge
) -> None:
    await manager.call("POST", "/groups", {"group_id": "labelled"})
    as_xml = {"content-type": "application/xml"}
    path = "/groups/labelled/configuration"
    assert (await manager.http.put(path, content=b"<agent_config>", headers=as_xml)).json()["error"] == 1113
    assert (await manager.http.put(path, json={})).status_code == 415
    assert (await manager.http.put("/groups/none/configuration", content=b"", headers=as_xml)).json()["error"] == 1710
    assert (await manager.http.put(path, content=LABELS.encode(), headers=as_xml)).json()["error"] == 0
    await manager.call("PUT", "/agents/001/group/labelled")
    async with agent(manager) as web:
        await web.start()
        assert web.shared_file.labels == {"site": "berlin"}
        said = keepalive(f'"site":berlin\n{web.shared_file.sum} merged.mg')
        assert await web.ask(said) == ACKNOWLEDGED
        assert (await manager.agent())["group_config_status"] == "synced"
    await manager.node.stop()
    again = await ManagerSide(await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)).sign_in()
    async with agent(again, channel=web.channel) as web:
        await web.start()
        assert web.shared_file.labels == {"site": "berlin"}


async def test_agents_and_their_keys_outlive_a_restart(manager, play, edge) -> None:
    async with agent(manager) as web:
        await web.start()
    await manager.node.stop()

    restarted = await ManagerSide(await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)).sign_in()

    assert (await restarted.agent())["status"] == "active"
    async with agent(restarted, channel=web.channel) as web:
        await web.start()
