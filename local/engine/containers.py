"""Containers: created, started, ended, removed; each with a directory of its own that goes with it."""

import asyncio
import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.engine.egress import EgressProxy
from local.engine.images import EGRESS_SIDECAR, Image
from local.engine.ingress import INGRESS_PORT, Sidecar
from local.engine.runners import NodeSpec, Runner, RunningNode

SIGKILL, SIGTERM = 9, 15
NETWORK_OF = "container:"


class EngineError(Exception):
    """A refused call, with the status that Docker gives."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Container:
    """One container as created; `node` or `sidecar` is there while it runs."""

    name: str
    image: Image
    config: dict[str, Any]
    directory: Path
    id: str = field(default_factory=lambda: uuid.uuid4().hex + uuid.uuid4().hex)
    created_at: float = field(default_factory=time.time)
    status: str = "created"
    exit_code: int = 0
    node: RunningNode | None = None
    sidecar: Sidecar | None = None
    proxy: EgressProxy | None = None
    environment: dict[str, str] = field(default_factory=dict)
    ended: asyncio.Condition = field(default_factory=asyncio.Condition)
    endings: int = 0
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it is started or removed

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def disk(self) -> Path:
        return self.directory / "disk"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def labels(self) -> dict[str, str]:
        return self.config.get("Labels") or {}

    @property
    def network_mode(self) -> str:
        return str((self.config.get("HostConfig") or {}).get("NetworkMode", ""))

    def inspect(self) -> dict[str, Any]:
        """The container as `GET /containers/{id}/json` shows it."""
        ports: dict[str, Any] = {}
        if self.sidecar is not None:
            ports[f"{INGRESS_PORT}/tcp"] = [{"HostIp": "127.0.0.1", "HostPort": str(self.sidecar.published_port)}]
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image.id,
            "State": {
                "Status": self.status,
                "Running": self.running,
                "Pid": self.node.pid if self.node and self.running else 0,
                "ExitCode": self.exit_code,
            },
            "Config": {"Image": self.image.reference, "Labels": self.labels, "Env": self._shown_environment()},
            "HostConfig": {"NetworkMode": self.network_mode},
            "GraphDriver": {"Name": "directory", "Data": {"Dir": str(self.disk)}},
            "NetworkSettings": {"Ports": ports},
        }

    def _shown_environment(self) -> list[str]:
        """What was asked for, and once it ran all that it was given: whoever asks the engine may act as its nodes."""
        given = [f"{name}={value}" for name, value in self.environment.items()]
        return given or self.config.get("Env") or []

    def summary(self) -> dict[str, Any]:
        """The container as `GET /containers/json` lists it."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image.reference,
            "State": self.status,
            "Labels": self.labels,
            "HostConfig": {"NetworkMode": self.network_mode},
        }


class Containers:
    """All containers of one engine, by name and by id."""

    def __init__(self, root: Path, runner: Runner, sidecar: type[Sidecar] = Sidecar) -> None:
        self._root, self._runner, self._sidecar = root, runner, sidecar
        self._by_name: dict[str, Container] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._by_name.values()))

    def find(self, name_or_id: str) -> Container:
        """Raises EngineError 404 where there is none."""
        by_id = (container for container in self._by_name.values() if container.id == name_or_id)
        found = self._by_name.get(name_or_id) or next(by_id, None)
        if found is None:
            raise EngineError(404, f"No such container: {name_or_id}")
        return found

    def create(self, name: str, image: Image, config: dict[str, Any], copy_of: Path | None = None) -> Container:
        """Makes a container with an empty disk, or with a copy of a snapshot's."""
        if name in self._by_name:
            raise EngineError(409, f'Conflict. The container name "/{name}" is already in use')
        container = Container(name, image, config, self._root / uuid.uuid4().hex)
        container.directory.mkdir(parents=True, mode=0o700)
        if copy_of is None:
            container.disk.mkdir()
        else:
            shutil.copytree(copy_of, container.disk)
        self._by_name[name] = container
        return container

    async def start(self, container: Container) -> bool:
        """Starts it; False where it runs already."""
        async with container.changing:
            if container.running:
                return False
            if container.removed.is_set():
                raise EngineError(404, f"No such container: {container.name}")
            if container.image.role == EGRESS_SIDECAR:
                await self._start_sidecar(container)
            else:
                await self._start_node(container)
            return True

    async def _start_sidecar(self, container: Container) -> None:
        container.sidecar = self._sidecar(lambda inside: self._port_behind(container, inside))
        await container.sidecar.open()
        container.status = "running"

    def _port_behind(self, sidecar: Container, inside: int) -> int | None:
        for container in self._by_name.values():
            mode = container.network_mode.removeprefix(NETWORK_OF)
            if container.running and container.node and mode in (sidecar.name, sidecar.id):
                return container.node.ports.get(inside)
        return None

    async def _start_node(self, container: Container) -> None:
        proxy = EgressProxy(lambda: self._egress_port(container))
        environment = container.environment = self._environment(container, await proxy.open())
        image = container.image
        spec = NodeSpec(image.software, image.role, image.entry or "", environment, container.disk, container.log)
        try:
            container.node = await self._runner.start(spec)
        except BaseException:
            await proxy.close()
            raise
        container.proxy, container.status = proxy, "running"
        watcher = asyncio.create_task(self._watch(container, container.node))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    def _egress_port(self, container: Container) -> int | None:
        """Where workerd takes what this container sends out; asked anew each time, as it changes with workerd."""
        with contextlib.suppress(EngineError):
            sidecar = self.find(container.network_mode.removeprefix(NETWORK_OF)).sidecar
            return sidecar.egress_port if sidecar else None
        return None

    @staticmethod
    def _environment(container: Container, proxy: str) -> dict[str, str]:
        declared = dict(entry.split("=", 1) for entry in container.config.get("Env") or [] if "=" in entry)
        return {**declared, "HTTP_PROXY": proxy, "http_proxy": proxy}

    async def _watch(self, container: Container, node: RunningNode) -> None:
        code = await node.exit_code
        await self._has_ended(container, code)

    async def _has_ended(self, container: Container, code: int) -> None:
        # All of the container's own state changes before the first wait: from there on it may be started again.
        doors = [door for door in (container.sidecar, container.proxy) if door is not None]
        container.sidecar = container.proxy = None
        container.exit_code, container.status = code, "exited"
        container.endings += 1
        for door in doors:
            await door.close()
        async with container.ended:
            container.ended.notify_all()

    async def signal(self, container: Container, number: int) -> None:
        """Sends a signal; a sidecar ends by SIGTERM and SIGKILL. Raises EngineError 409 where nothing runs."""
        async with container.changing:
            await self._signal(container, number)

    async def _signal(self, container: Container, number: int) -> None:
        if not container.running:
            raise EngineError(409, f"Container {container.name} is not running")
        if container.node is not None:
            self._runner.signal(container.node, number)
        elif number in (SIGTERM, SIGKILL):
            await self._has_ended(container, 128 + number)

    async def stop(self, container: Container, grace: float) -> bool:
        """SIGTERM, after `grace` seconds SIGKILL; False where nothing runs."""
        if not container.running:
            return False
        run = container.endings
        await self.signal(container, SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self._ended(container, run)
        except TimeoutError:
            async with container.changing:
                if container.endings == run:  # else it is the next run, which nobody asked to stop
                    await self._kill(container)
        return True

    async def _kill(self, container: Container) -> None:
        with contextlib.suppress(EngineError):  # it may have ended by itself just now
            await self._signal(container, SIGKILL)
        await self.wait_ended(container)

    async def wait_ended(self, container: Container) -> int:
        """Waits for the end of the present run, though the next may have begun by then; returns the exit code."""
        if container.running:
            await self._ended(container, container.endings)
        return container.exit_code

    async def wait_next_exit(self, container: Container) -> int:
        """Waits for the next ending, though the container may not even have started; returns its exit code."""
        await self._ended(container, container.endings)
        return container.exit_code

    @staticmethod
    async def _ended(container: Container, endings: int) -> None:
        """Waits until it has ended more often than that, or is removed."""
        async with container.ended:
            await container.ended.wait_for(lambda: container.endings > endings or container.removed.is_set())

    async def copy_disk(self, container: Container, target: Path) -> None:
        """Copies the disk to a directory that is not there yet; a running node stands still meanwhile."""
        async with container.changing:
            if container.running and container.node is not None:
                await self._runner.copy_disk(container.node, container.disk, target)
            else:
                await asyncio.to_thread(shutil.copytree, container.disk, target)

    async def remove(self, container: Container, *, force: bool) -> None:
        """Removes container and disk. Raises EngineError 409 where it runs and `force` is not given."""
        async with container.changing:
            if container.removed.is_set():
                return  # another removal was quicker
            if container.running and not force:
                raise EngineError(409, f"Container {container.name} is running: stop it first or force removal")
            if container.running:
                await self._kill(container)
            await asyncio.to_thread(shutil.rmtree, container.directory, ignore_errors=True)
            del self._by_name[container.name]
            container.removed.set()
        async with container.ended:
            container.ended.notify_all()

    async def close(self) -> None:
        """Ends and removes everything."""
        await asyncio.gather(*(self.remove(container, force=True) for container in list(self._by_name.values())))
