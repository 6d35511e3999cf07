"""Many agents of one tenant in this process, each with a connector of its own as if it were alone."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from local.agent.agent import Agent
from local.agent.connector import Connector
from local.agent.identity import Identity
from local.agent.lines import AUTH_LOG, syslog_line

PATIENCE = 60.0


class Fleet:
    """Agents by name. `told` is what they said, line by line."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._lines: dict[str, asyncio.Queue[tuple[str, str]]] = {}

    @asynccontextmanager
    async def connected(self, identities: Iterable[Identity]) -> AsyncIterator[None]:
        """All of them at once; they are connected once the context is entered."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            ports = {one: await stack.enter_async_context(Connector(one).listening()) for one in identities}
            agents = {one.name: Agent(one, port, self.told.append) for one, port in ports.items()}
            self._lines = {name: asyncio.Queue() for name in agents}
            tasks = [group.create_task(agent.run(self._lines[name])) for name, agent in agents.items()]
            try:
                await self._await_all(len(tasks))
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _await_all(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len({line for line in self.told if line.startswith("connected ")}) < count:
                await asyncio.sleep(0.02)

    def log(self, message: str) -> None:
        """Every agent logs the message, with its name in place of `NAME`."""
        for name, lines in self._lines.items():
            lines.put_nowait((AUTH_LOG, syslog_line(message.replace("NAME", name))))


async def enrolled(edge: str, token: str, names: Iterable[str]) -> list[Identity]:
    """Identities by one token, eight at a time."""
    limits = httpx.Limits(max_connections=8)
    async with httpx.AsyncClient(base_url=edge, timeout=PATIENCE, limits=limits) as client:
        return list(await asyncio.gather(*(_enrolled(client, token, name) for name in names)))


async def _enrolled(client: httpx.AsyncClient, token: str, name: str) -> Identity:
    body = {"token": token, "enrollment_id": str(uuid.uuid4()), "name": name}
    answer = (await client.post("/api/agents/enroll", json=body)).raise_for_status().json()
    connector = answer["connector"]
    return Identity(
        answer["agent_id"], name, answer["key"], connector["id"], connector["secret"], answer["manager_url"]
    )
