"""The demonstration's agent against the stand-in manager, with which it shares no code."""

import asyncio
import contextlib
import hashlib
import time

import pytest

from local.agent import agent as agent_module
from local.agent.agent import Agent, Lines
from local.agent.identity import Identity
from local.agent.shared_file import MISSING, SharedFile
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio

DEADLINE = 15.0
FAILED = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for root from 203.0.113.9 port 51514 ssh2"
CONTENT = "#default\n!9 agent.conf\n<a></a>\n"
SUM = hashlib.md5(CONTENT.encode()).hexdigest()


async def until_synced(manager: ManagerSide) -> None:
    end = time.monotonic() + DEADLINE
    while (await manager.agent())["group_config_status"] != "synced":
        assert time.monotonic() < end, "the agent never said that it has its group's file"
        await asyncio.sleep(0.1)  # the API takes 300 requests a minute


async def test_it_reports_and_takes_its_groups_file(play, edge, monkeypatch) -> None:
    monkeypatch.setattr(agent_module, "KEEPALIVE_SECONDS", 0.1)
    manager = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    await manager.insert()
    identity = Identity("001", "web-1", KEY, "id", "secret", "wss://edge.example/agents/manager")
    lines: Lines = asyncio.Queue()
    lines.put_nowait(("/var/log/auth.log", FAILED))

    work = asyncio.create_task(Agent(identity, manager.node.ports[1514], lambda text: None).run(lines))
    await edge.calls_to("indexer.internal", "/_bulk")
    await until_synced(manager)

    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def test_a_file_counts_when_it_is_whole() -> None:
    file = SharedFile()
    for message in ("#!-agent ack ", f"#!-up file {SUM} merged.mg\n", CONTENT[:10], CONTENT[10:], "#!-close file "):
        assert file.sum == MISSING
        file.take(message)

    assert file.sum == SUM


def test_a_damaged_file_does_not_replace_the_one_it_has() -> None:
    file = SharedFile()
    for content in (CONTENT, CONTENT + "more"):
        for message in (f"#!-up file {SUM} merged.mg\n", content, "#!-close file "):
            file.take(message)

    assert file.sum == SUM
