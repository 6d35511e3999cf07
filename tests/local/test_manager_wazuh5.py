"""The HTTPS port of a Wazuh 5 stand-in, through its hop, against an agent that shares no code with the manager."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from local.agent.wazuh5 import Wazuh5Agent
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio

PREFIX = "/wazuh/" + "a" * 26 + "/"
FAILED = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for root from 203.0.113.9 port 51514 ssh2"


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    node = await play("manager", version="5.0.0-rc", HTTP_PROXY=edge.address, AGENTS_PREFIX=PREFIX)
    side = await ManagerSide(node).sign_in()
    await side.insert()
    return side


@pytest.fixture
def agent(manager) -> Wazuh5Agent:
    return Wazuh5Agent(f"http://127.0.0.1:{manager.node.ports[1518]}{PREFIX.rstrip('/')}", "001", "web-1", KEY)


async def test_an_agent_starts_keeps_alive_and_is_listed_by_the_api(manager, agent) -> None:
    started = await asyncio.to_thread(agent.start)
    assert (started.status_code, started.json()["agent"]["groups"]) == (200, ["default"])
    kept_alive = await asyncio.to_thread(agent.keep_alive)
    assert (kept_alive.status_code, kept_alive.json()["tasks"]) == (200, [])

    listed = await manager.agent()
    assert (listed["status"], listed["version"], listed["ip"]) == ("active", "Wazuh v5.0.0", "10.0.0.5")


async def test_an_event_becomes_an_alert(manager, agent, edge) -> None:
    answer = await asyncio.to_thread(agent.report, [FAILED, "nothing of interest"])
    assert (answer.status_code, answer.content) == (202, b"")

    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    [alert] = [json.loads(line) for line in call.body.splitlines()[1::2]]
    assert (alert["agent"]["id"], alert["full_log"], alert["location"]) == ("001", FAILED, "/var/log/auth.log")


@pytest.mark.parametrize(
    ("change", "status"),
    [({"key": "ab" * 32}, 401), ({"id": "002"}, 401), ({"endpoint": "/other"}, 404)],
)
async def test_only_an_agent_that_it_knows_is_heard_below_its_own_path(manager, agent, edge, change, status) -> None:
    if "endpoint" in change:
        change = {"endpoint": f"http://127.0.0.1:{manager.node.ports[1518]}/wazuh-manager"}
    answer = await asyncio.to_thread(replace(agent, **change).report, [FAILED])
    assert answer.status_code == status
    assert not [call for call in edge.calls if call.path == "/_bulk"]


@pytest.mark.parametrize("batch", [b"", b"E 1:a:b", b'H {"wazuh":{"agent":{"id":"002"}}}\nE 1:a:b\n', b"H []\n"])
async def test_a_batch_that_is_not_the_agents_own_is_refused_whole(agent, batch) -> None:
    answer = await asyncio.to_thread(agent.send, batch)
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid event batch", "code": 400})


async def test_its_own_enrollment_is_closed(agent) -> None:
    answer = await asyncio.to_thread(httpx.post, f"{agent.endpoint}/enroll", json={"name": "x", "version": "5.0.0"})
    assert answer.status_code == 403


async def test_a_manager_of_wazuh_4_has_no_such_port(play, edge) -> None:
    node = await play("manager", HTTP_PROXY=edge.address, AGENTS_PREFIX=PREFIX)
    assert 1518 not in node.ports
