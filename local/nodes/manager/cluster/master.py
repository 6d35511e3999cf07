"""The master: takes workers on 1516, tells them what it knows, and hears of the agents that speak to them."""

import asyncio
import datetime as dt
import json
import time
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass, field
from typing import Any

from local.nodes.host import Host
from local.nodes.manager.cluster.facts import shared_facts, sum_of, take_agent_facts
from local.nodes.manager.cluster.messages import ClusterError, Link, LinkLost
from local.nodes.manager.registry import Registry
from local.nodes.manager.ruleset import Ruleset
from local.nodes.manager.settings import ClusterSettings
from local.web.server import Listener

SILENT_SECONDS = 30.0
"""After which a worker counts as gone; a real master waits for two minutes."""


def time_text(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(sep=" ", timespec="microseconds")


@dataclass
class Worker:
    """A worker that is connected. Times are seconds since 1970; 0: never."""

    name: str
    version: str
    link: Link
    heard_at: float = field(default_factory=time.time)
    checked_at: float = 0.0
    agents_at: float = 0.0
    known: bytes = b""
    """The sum of what it had when it was last compared."""

    def status(self) -> dict[str, Any]:
        """As `GET /cluster/healthcheck` shows it."""
        checked, agents = time_text(self.checked_at), time_text(self.agents_at)
        return {
            "sync_integrity_free": True,
            "last_check_integrity": {"date_start_master": checked, "date_end_master": checked},
            "sync_agent_info_free": True,
            "last_sync_agentinfo": {"date_start_master": agents, "date_end_master": agents, "n_synced_chunks": 1},
            "last_keep_alive": time_text(self.heard_at),
        }


class Master:
    """Serves 1516. `workers` are those that are connected, by name."""

    def __init__(self, host: Host, settings: ClusterSettings, registry: Registry, ruleset: Ruleset) -> None:
        self._host, self._settings, self._registry, self._ruleset = host, settings, registry, ruleset
        self._listener = Listener()
        self.workers: dict[str, Worker] = {}

    async def open(self) -> int:
        return await self._listener.open(self._serve)

    async def close(self) -> None:
        await self._listener.close()

    async def run(self) -> None:
        """Lets go of workers that fell silent."""
        while True:
            await asyncio.sleep(SILENT_SECONDS / 6)
            for worker in list(self.workers.values()):
                if time.time() - worker.heard_at > SILENT_SECONDS:
                    worker.link.close()

    async def status_of(self, name: str) -> dict[str, str]:
        """What a worker says of its processes. Raises KeyError where it is not connected, ClusterError or LinkLost."""
        return dict(json.loads(await self.workers[name].link.ask("dapi", b"status")))

    async def ordered(self, name: str, what: str, text: str) -> tuple[list[Any] | None, Any]:
        """What came of an order about a worker's settings. Raises as `status_of`."""
        order = json.dumps([what, text]).encode()
        refusal, said = json.loads(await self.workers[name].link.ask("dapi", order))
        return refusal, said

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        visit = Visit(self)
        link = visit.link = Link(reader, writer, self._settings.key, visit.answer)
        try:
            await link.run()
        except LinkLost as lost:
            self._host.log("a worker's connection ended", worker=visit.name, reason=str(lost))
        finally:
            link.close()
            if visit.name and self.workers[visit.name].link is link:
                del self.workers[visit.name]

    def greet(self, payload: bytes, link: Link) -> Worker:
        """Takes `<node> <cluster> <type> <version>`. Raises ClusterError for who is none of this cluster's workers."""
        try:
            name, cluster, node_type, version = payload.decode().split(" ")
        except ValueError:
            raise ClusterError("Error 3022 - a hello of another form") from None
        if cluster != self._settings.name or node_type != "worker":
            raise ClusterError("Error 3030 - Worker node does not belong to this cluster")
        if version != self._host.version:
            raise ClusterError("Error 3031 - Worker and master versions are not the same")
        if name == self._settings.node or name in self.workers:
            raise ClusterError(f"Error 3028 - Worker node ID already exists: {name}")
        worker = self.workers[name] = Worker(name, version, link)
        self._host.log("a worker joined", worker=name)
        return worker

    def compared(self, worker: Worker, digest: bytes) -> bytes:
        """What the worker lacks; nothing where it knows all."""
        facts = shared_facts(self._registry, self._ruleset)
        worker.checked_at, worker.known = time.time(), digest
        return b"" if digest == sum_of(facts) else facts

    def synced(self) -> dict[str, bool]:
        """Of each worker whether it has what there is now."""
        now = sum_of(shared_facts(self._registry, self._ruleset))
        return {worker.name: worker.known == now for worker in self.workers.values()}

    def heard(self, worker: Worker, payload: bytes) -> None:
        take_agent_facts(self._registry, json.loads(payload))
        worker.agents_at = time.time()


class Visit:
    """One connection: who it is, once it has said so."""

    link: Link

    def __init__(self, master: Master) -> None:
        self._master = master
        self._worker: Worker | None = None

    @property
    def name(self) -> str | None:
        return self._worker.name if self._worker else None

    async def answer(self, command: str, payload: bytes) -> bytes:
        if self._worker is None:
            if command != "hello":
                raise ClusterError("Error 3019 - say hello first")
            self._worker = self._master.greet(payload, self.link)
            return f"Client {self._worker.name} added".encode()
        self._worker.heard_at = time.time()
        if command == "syn_i_w_m":
            return self._master.compared(self._worker, payload)
        if command == "syn_a_w_m":
            self._master.heard(self._worker, payload)
        elif command != "echo-c":
            raise ClusterError(f"Error 3021 - unknown command {command}")
        return payload
