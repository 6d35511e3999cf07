"""`/cluster`: calls about the nodes of a cluster; a manager alone is a master without workers."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from local.nodes.host import Host
from local.nodes.manager.api.envelope import data, items
from local.nodes.manager.api.node import processes
from local.nodes.manager.api.views import DISCONNECTED_AFTER
from local.nodes.manager.cluster.master import Master
from local.nodes.manager.cluster.messages import ClusterError, LinkLost
from local.nodes.manager.registry import Registry
from local.nodes.manager.settings import ClusterSettings
from local.web.messages import Request, Response
from local.web.routing import Route

NOT_THERE = (1730, "Node does not exist")


class ClusterCalls:
    """The calls about the cluster; `master` is there where this manager is one with the cluster's daemon on."""

    def __init__(self, host: Host, settings: ClusterSettings, registry: Registry, master: Master | None) -> None:
        self._host, self._settings, self._registry, self._master = host, settings, registry, master

    def routes(self) -> list[Route]:
        return [
            ("GET", "/cluster/status", self.status),
            ("GET", "/cluster/nodes", self.nodes),
            ("GET", "/cluster/healthcheck", self.health),
            ("GET", "/cluster/local/info", self.local),
            ("GET", "/cluster/{node}/status", self.node_status),
        ]

    def _nodes(self) -> dict[str, dict[str, str]]:
        """Information about each node, by name."""
        own = {"name": self._settings.node, "type": self._settings.type, "version": self._host.version}
        workers = self._master.workers.values() if self._master else ()
        others = [{"name": worker.name, "type": "worker", "version": worker.version} for worker in workers]
        return {node["name"]: {**node, "ip": "127.0.0.1"} for node in [own, *others]}

    async def status(self, request: Request) -> Response:
        state = "no" if self._settings.disabled else "yes"
        return data({"enabled": state, "running": state})

    async def nodes(self, request: Request) -> Response:
        return self._answer(request, self._nodes(), "All selected nodes information was returned")

    async def health(self, request: Request) -> Response:
        now = time.time()
        active = [agent for agent in self._registry.all() if agent.status(now, DISCONNECTED_AFTER) == "active"]
        counts = Counter(agent.node for agent in active)
        workers = self._master.workers if self._master else {}
        found = {
            name: {
                "info": {**info, "n_active_agents": counts[name]},
                **({"status": workers[name].status()} if name in workers else {}),
            }
            for name, info in self._nodes().items()
        }
        return self._answer(request, found, "All selected nodes healthcheck information was returned")

    @staticmethod
    def _answer(request: Request, found: Mapping[str, dict[str, Any]], message: str) -> Response:
        asked = request.query.get("nodes_list")
        wanted = asked.split(",") if asked else list(found)
        failed = {name: NOT_THERE for name in wanted if name not in found}
        return items([found[name] for name in wanted if name in found], message, failed=failed)

    async def local(self, request: Request) -> Response:
        settings = self._settings
        local = {"node": settings.node, "cluster": settings.name, "type": settings.type}
        return items([local], "All selected information returned")

    async def node_status(self, request: Request, node: str) -> Response:
        message = "Processes status was successfully read in specified node"
        if node == self._settings.node:
            return items([processes()], message)
        try:
            if self._master is None:
                raise KeyError(node)
            return items([await self._master.status_of(node)], message)
        except (KeyError, ClusterError, LinkLost):
            return items([], "Could not read processes status in specified node", failed={node: NOT_THERE})
