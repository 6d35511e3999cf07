"""A worker: keeps a connection to its master through the image's own tunnel, and comes back after each loss."""

import asyncio
import json

from images.lib.mesh.tunnel import Tunnel
from local.nodes.host import Host
from local.nodes.manager.api.node import processes
from local.nodes.manager.api.settings import NodeSettings
from local.nodes.manager.cluster.facts import (
    Disconnect,
    agent_facts,
    shared_facts,
    sum_of,
    take_shared_facts,
)
from local.nodes.manager.cluster.messages import ClusterError, Link, LinkLost
from local.nodes.manager.registry import Registry
from local.nodes.manager.ruleset import Ruleset
from local.nodes.manager.settings import ClusterSettings
from local.nodes.manager.xml_files import BadFile

MASTER_PORT = 1516
SYNC_SECONDS = 2.0
"""Between comparisons; a real worker waits for nine seconds."""
RETRY_SECONDS = 1.0


class Worker:
    """Runs beside the worker's other parts."""

    def __init__(
        self, host: Host, settings: ClusterSettings, registry: Registry, ruleset: Ruleset, disconnect: Disconnect
    ) -> None:
        self._host, self._settings, self._registry, self._disconnect = host, settings, registry, disconnect
        self._ruleset, self._own = ruleset, NodeSettings(ruleset)
        self._tunnel = Tunnel(settings.url, lambda line: host.log(line, level="warning"), host.proxy)
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Joins the master again and again."""
        port = await self._open_way()
        try:
            while True:
                await self._join(port)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._tunnel.close()

    async def _open_way(self) -> int:
        """Real containers have a loopback address each; here the way begins at a free port."""
        (peer,) = (way.peer for way in self._settings.ways if way.port == MASTER_PORT)
        return await self._tunnel.listen(0, peer or 0)

    async def _join(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        link = Link(reader, writer, self._settings.key, self._answer)
        taking = asyncio.ensure_future(link.run())
        try:
            await self._work(link)
        except (LinkLost, ClusterError) as error:
            self._host.log("not with the master", reason=str(error))
        finally:
            link.close()
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def _work(self, link: Link) -> None:
        settings = self._settings
        await link.ask("hello", f"{settings.node} {settings.name} worker {self._host.version}".encode())
        self._told.clear()
        self._host.log("joined the master")
        while True:
            await self._compare(link)
            await self._tell(link)
            await asyncio.sleep(SYNC_SECONDS)
            await link.ask("echo-c", b"keepalive")

    async def _compare(self, link: Link) -> None:
        facts = await link.ask("syn_i_w_m", sum_of(shared_facts(self._registry, self._ruleset)))
        if not facts:
            return
        try:
            take_shared_facts(self._registry, self._ruleset, self._disconnect, facts)
        except BadFile as error:
            self._host.log("the master's rules can't be loaded", reason=str(error), level="error")

    async def _tell(self, link: Link) -> None:
        """Only what is news, of agents that spoke to this node last."""
        heard = {agent.id: agent_facts(agent) for agent in self._registry.all() if agent.node == self._settings.node}
        news = [facts for id, facts in heard.items() if self._told.get(id) != json.dumps(facts)]
        if news:
            await link.ask("syn_a_w_m", json.dumps(news).encode())
            self._told.update({facts["id"]: json.dumps(facts) for facts in news})

    async def _answer(self, command: str, payload: bytes) -> bytes:
        if (command, payload) == ("dapi", b"status"):
            return json.dumps(processes()).encode()
        if command == "dapi":
            return self._own.answer(payload)
        raise ClusterError(f"Error 3021 - unknown command {command}")
