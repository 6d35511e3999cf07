"""The two ways to run a node: a process of its own (the default), or many in one process (for scale runs)."""

import asyncio
import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.engine.zygote import fork_zygote, load_entry, send_order
from local.nodes.host import Host


@dataclass(frozen=True)
class NodeSpec:
    """What to run."""

    image: str
    role: str
    entry: str
    environment: Mapping[str, str]
    disk: Path
    log: Path


@dataclass
class RunningNode:
    """A node that was started: where it listens, and its exit code once it has ended (signals as 128 + number)."""

    ticket: int
    exit_code: "asyncio.Future[int]"
    pid: int = 0
    ports: dict[int, int] = field(default_factory=dict)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)  # by SIGSTOP


class Runner(Protocol):
    """Starts nodes and passes signals to them."""

    mode: str

    async def start(self, spec: NodeSpec) -> RunningNode: ...

    def signal(self, node: RunningNode, number: int) -> None: ...

    async def copy_disk(self, node: RunningNode, source: Path, target: Path) -> None:
        """Copies a node's disk while the node stands still."""

    async def close(self) -> None: ...


class ProcessRunner:
    """A process per node, forked from the zygote. Make it before the event loop runs: it forks."""

    mode = "process per container"

    def __init__(self) -> None:
        self.zygote_pid, self._orders, self._reports = fork_zygote()
        self._tickets = itertools.count(1)
        self._nodes: dict[int, RunningNode] = {}
        self._started: dict[int, asyncio.Future[int]] = {}
        self._life_lines: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, zygote_lost: Callable[[], None]) -> None:
        """Starts to take in the zygote's reports; `zygote_lost` is called when there can be no more."""

        def lost() -> None:
            # its nodes end with their life lines, which nobody will report any more
            for ticket in list(self._nodes):
                self._on_report({"ticket": ticket, "exit_code": 128 + signal.SIGKILL})
            zygote_lost()

        await self._follow(self._reports, self._on_report, lost)

    async def start(self, spec: NodeSpec) -> RunningNode:
        loop = asyncio.get_running_loop()
        node = RunningNode(next(self._tickets), loop.create_future())
        self._nodes[node.ticket] = node
        started = self._started[node.ticket] = loop.create_future()
        reports = self._order(node.ticket, spec)
        await self._follow(reports, lambda ports: node.ports.update(_port_map(ports)), lambda: None)
        node.pid = await started
        return node

    def _order(self, ticket: int, spec: NodeSpec) -> int:
        """Has the zygote fork the node; returns the end of the pipe on which the node reports its ports."""
        ports_read, ports_write = os.pipe()
        life_read, self._life_lines[ticket] = os.pipe()
        order = {
            "kind": "start",
            "ticket": ticket,
            "image": spec.image,
            "role": spec.role,
            "entry": spec.entry,
            "environment": dict(spec.environment),
            "disk": str(spec.disk),
            "log": str(spec.log),
        }
        send_order(self._orders, order, [ports_write, life_read])
        os.close(ports_write)
        os.close(life_read)
        return ports_read

    def signal(self, node: RunningNode, number: int) -> None:
        if not node.exit_code.done():
            send_order(self._orders, {"kind": "signal", "ticket": node.ticket, "signal": number}, [])

    async def copy_disk(self, node: RunningNode, source: Path, target: Path) -> None:
        node.stopped.clear()
        self.signal(node, signal.SIGSTOP)
        try:
            await _first_of(node.stopped.wait(), asyncio.shield(node.exit_code))
            await asyncio.to_thread(shutil.copytree, source, target)
        finally:
            self.signal(node, signal.SIGCONT)

    async def close(self) -> None:
        """Ends the zygote, which ends and reaps every node first."""
        self._orders.close()
        await asyncio.to_thread(os.waitpid, self.zygote_pid, 0)
        for life_line in self._life_lines.values():
            os.close(life_line)

    def _on_report(self, report: dict[str, int]) -> None:
        ticket = report["ticket"]
        if "pid" in report:
            self._started.pop(ticket).set_result(report["pid"])
            return
        if "stopped" in report:
            self._nodes[ticket].stopped.set()
            return
        os.close(self._life_lines.pop(ticket))
        self._nodes.pop(ticket).exit_code.set_result(report["exit_code"])

    async def _follow(
        self, descriptor: int, on_line: Callable[[dict[str, int]], None], on_end: Callable[[], None]
    ) -> None:
        """Calls `on_line` for every JSON line that comes out of a pipe, then `on_end`."""
        reader = asyncio.StreamReader()
        pipe = io.FileIO(descriptor)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )

        async def follow() -> None:
            async for line in reader:
                on_line(json.loads(line))
            transport.close()
            on_end()

        task = asyncio.create_task(follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class SharedRunner:
    """Many nodes as tasks of the engine's own process: cheap, but a node that is busy delays all others."""

    mode = "shared: one process plays many nodes"

    def __init__(self) -> None:
        self._tickets = itertools.count(1)
        self._played: dict[int, tuple[Host, asyncio.Task[int]]] = {}

    async def start(self, spec: NodeSpec) -> RunningNode:
        node = RunningNode(next(self._tickets), asyncio.get_running_loop().create_future(), os.getpid())

        def report_ports(ports: Mapping[int, int]) -> None:
            node.ports.update(ports)

        output = spec.log.open("a")
        host = Host(spec.image, spec.environment, spec.disk, report_ports, output=output)
        task = asyncio.ensure_future(self._play(spec, host))
        task.add_done_callback(lambda done: self._ended(node, done))
        self._played[node.ticket] = (host, task)
        return node

    async def _play(self, spec: NodeSpec, host: Host) -> int:
        try:
            return await load_entry(spec.entry)(host)
        except Exception:
            traceback.print_exc(file=host.output)
            return 1
        finally:
            host.output.close()

    def _ended(self, node: RunningNode, task: "asyncio.Task[int]") -> None:
        host, _ = self._played.pop(node.ticket)
        if task.cancelled():
            node.exit_code.set_result(128 + signal.SIGKILL)
        else:
            node.exit_code.set_result(128 + signal.SIGTERM if host.stopping.is_set() else task.result())

    def signal(self, node: RunningNode, number: int) -> None:
        """SIGTERM asks the node to stop and SIGKILL cancels it; a task has no other signals."""
        if node.ticket not in self._played:
            return
        host, task = self._played[node.ticket]
        if number == signal.SIGTERM:
            host.stopping.set()
        elif number == signal.SIGKILL:
            task.cancel()

    async def copy_disk(self, node: RunningNode, source: Path, target: Path) -> None:
        shutil.copytree(source, target)  # nodes are tasks of this loop: blocking it makes them stand still

    async def close(self) -> None:
        tasks = [task for _, task in self._played.values()]
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _first_of(*waits: Awaitable[object]) -> None:
    """Returns when one of them is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _port_map(report: dict[str, int]) -> dict[int, int]:
    return {int(inside): taken for inside, taken in report.items()}
