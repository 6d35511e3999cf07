"""The manager node: opens its state, then serves 55000, 1515 and 1514 and ships alerts until it is stopped."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local.nodes.certs.bundle import mint
from local.nodes.certs.request import CertifiedNode, MintRequest
from local.nodes.host import SERVER_NAME, Host
from local.nodes.manager import state
from local.nodes.manager.agents_https import AgentsHttps
from local.nodes.manager.alerts import AlertLog
from local.nodes.manager.analysis import Analysis
from local.nodes.manager.api.agents import AgentCalls
from local.nodes.manager.api.cluster import ClusterCalls
from local.nodes.manager.api.groups import GroupCalls
from local.nodes.manager.api.logtest import LogtestCalls
from local.nodes.manager.api.node import NodeCalls
from local.nodes.manager.api.roles import RuleBook
from local.nodes.manager.api.ruleset import RulesetCalls
from local.nodes.manager.api.security import SecurityCalls
from local.nodes.manager.api.server import ServerApi
from local.nodes.manager.api.sessions import Sessions, forget_user
from local.nodes.manager.api.settings import NodeSettings, SettingsCalls
from local.nodes.manager.api.upgrades import UpgradeCalls
from local.nodes.manager.api.views import DISCONNECTED_AFTER
from local.nodes.manager.channel import AgentChannel
from local.nodes.manager.cluster.master import Master
from local.nodes.manager.cluster.worker import Worker
from local.nodes.manager.edge_enrollment import EdgeEnrollment
from local.nodes.manager.enrollment import Enrollment, server_context
from local.nodes.manager.registry import Registry
from local.nodes.manager.ruleset import Ruleset
from local.nodes.manager.settings import BadSettings, Settings
from local.nodes.manager.shipping import Offsets, Shipping, beat
from local.nodes.manager.xml_files import BadFile
from local.nodes.state.door import Archive, StateDoor
from local.nodes.state.restoring import restore
from local.nodes.state.saving import Saver, sending
from local.web.server import Listener

API_PORT, ENROLLMENT_PORT, AGENT_PORT, CLUSTER_PORT, AGENTS_HOP_PORT = 55000, 1515, 1514, 1516, 1518
FLUSH_SECONDS = 1.0
HEARTBEAT_SECONDS = 60.0
OWN_CERTIFICATE_DAYS = 365


async def run(host: Host) -> int:
    """Serves until the node is stopped; exit code 1 where environment or rules are not usable."""
    try:
        settings = Settings.of(host)
    except BadSettings as error:
        host.log(str(error), level="fatal")
        return 1
    await restore(host, lambda fetched, archive: _take_up(host, settings, fetched, archive))
    try:
        manager = Manager(host, settings)
    except BadFile as error:  # as the real analysis does
        host.log(f"CRITICAL: {error}", level="fatal")
        return 1
    await manager.serve()
    return 0


class Manager:
    """Everything one manager consists of."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self.host, self.settings = host, settings
        door = StateDoor(host, host.environment.get("STATE_URL", ""))
        self.saver = Saver(host, sending(host, door, self._collect), on_schedule=True)
        self.registry = Registry(host.disk, self.saver.wake)
        self.log = AlertLog(host.disk / "logs" / "alerts" / "alerts.json")
        self.shipping = Shipping(host, settings, self.log, Offsets(host.disk / "queue" / "shipping" / "offsets.json"))
        self.ruleset = Ruleset(host.disk, self.saver.wake)
        self.analysis = Analysis(host.name, self.ruleset, self.log, self.shipping)
        self.channel = AgentChannel(host, self.registry, self.analysis.take)
        self.enrollment = self._enrollment()
        self.agents_https = self._agents_https()
        self.master, self.worker = self._cluster()
        self.api = self._server_api()
        self.api_listener = Listener()

    def _enrollment(self) -> Enrollment | EdgeEnrollment:
        """What serves 1515: the image's hop where the edge says so, else the daemon, which the image keeps closed."""
        host, settings = self.host, self.settings
        password = _enrollment_password(host, settings)
        tls = server_context(*_certificate(host, settings), host.disk)
        if settings.enroll_url:
            return EdgeEnrollment(host, settings.enroll_url, tls)
        return Enrollment(host, self.registry, password, tls)

    def _agents_https(self) -> AgentsHttps | None:
        """The port of Wazuh 5 agents, which only its managers have."""
        if self.host.major < 5:
            return None
        certificate = _certificate(self.host, self.settings)
        return AgentsHttps(self.host, self.registry, self.analysis.take, self.settings.agents_prefix, certificate)

    def _cluster(self) -> tuple[Master | None, Worker | None]:
        """This manager's part in a cluster, if it is in one."""
        host, cluster = self.host, self.settings.cluster
        if cluster.disabled:
            return None, None
        if cluster.type == "master":
            return Master(host, cluster, self.registry, self.ruleset), None
        return None, Worker(host, cluster, self.registry, self.ruleset, self.channel.disconnect)

    def _server_api(self) -> ServerApi:
        host, settings = self.host, self.settings
        configuration = host.disk / "api" / "configuration"
        sessions = Sessions(configuration, settings.api_username, settings.api_password)
        rule_book = RuleBook(configuration / "rules.json")
        calls = (
            AgentCalls(host, self.registry, self.channel),
            GroupCalls(host, self.registry),
            NodeCalls(host, self.analysis),
            ClusterCalls(host, settings.cluster, self.registry, self.master),
            SecurityCalls(sessions, rule_book),
            UpgradeCalls(self.registry),
            RulesetCalls(self.ruleset),
            LogtestCalls(host.name, self.ruleset),
            SettingsCalls(host.name, NodeSettings(self.ruleset), self.master),
        )
        return ServerApi(sessions, rule_book, [route for call in calls for route in call.routes()])

    async def serve(self) -> None:
        async with self.saver.serving() as ports:
            await self._serve(ports)
        if self.host.stopping.is_set():
            await self.saver.save_at_the_end()

    async def _serve(self, more_ports: dict[int, int]) -> None:
        ports = {
            **more_ports,
            AGENT_PORT: await self.channel.open(),
            ENROLLMENT_PORT: await self.enrollment.open(),
            API_PORT: await self.api_listener.open_http(self.api.handle, server_name=SERVER_NAME),
            **({CLUSTER_PORT: await self.master.open()} if self.master else {}),
            **({AGENTS_HOP_PORT: await self.agents_https.open()} if self.agents_https else {}),
        }
        self.host.report_ports(ports)
        self.host.log("serving", stand_in=True, version=self.host.version)
        background = [
            asyncio.ensure_future(self.shipping.run()),
            asyncio.ensure_future(beat(self.host, self.facts, HEARTBEAT_SECONDS)),
            asyncio.ensure_future(_every(FLUSH_SECONDS, self.registry.flush)),
            *(asyncio.ensure_future(part.run()) for part in (self.master, self.worker) if part),
        ]
        stopping = asyncio.ensure_future(self.host.stopping.wait())
        try:
            # a task that breaks ends the node: better a restart than a manager that silently ships nothing
            await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in background:
                if task.done():
                    task.result()
        finally:
            await self._close([stopping, *background])

    async def _close(self, tasks: Sequence["asyncio.Future[Any]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for part in (self.agents_https, self.channel, self.enrollment, self.api_listener, self.master):
            if part:
                await part.close()
        self.registry.close()
        self.log.close()

    def _collect(self, directory: Path) -> dict[str, Path]:
        """The state as of now, with what was heard from agents within the last second; at the end it is on the disk."""
        if not self.host.stopping.is_set():
            self.registry.flush()
        return state.collect(self.host.disk, directory)

    def facts(self) -> dict[str, object]:
        """What a heartbeat says."""
        now = time.time()
        agents = self.registry.all()
        active = sum(agent.status(now, DISCONNECTED_AFTER) == "active" for agent in agents)
        return {
            "version": self.host.version,
            "agents": {"total": len(agents), "active": active},
            "pending_bytes": self.shipping.pending(),
        }


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        act()


async def _take_up(host: Host, settings: Settings, fetched: Path, archive: Archive) -> None:
    """Puts an archive on the disk. What the environment gives wins: a backup may be older than a credential."""
    state.apply(host.disk, fetched, archive)
    forget_user(host.disk / "api" / "configuration", settings.api_username)
    if settings.authd_password:
        (host.disk / "etc" / "authd.pass").unlink(missing_ok=True)


def _enrollment_password(host: Host, settings: Settings) -> str:
    """The first line of etc/authd.pass, which the environment fills where it is missing."""
    file = host.disk / "etc" / "authd.pass"
    if not file.exists() and settings.authd_password:
        file.touch(mode=0o600)
        file.write_text(settings.authd_password + "\n")
    return file.read_text().partition("\n")[0] if file.exists() else ""


def _certificate(host: Host, settings: Settings) -> tuple[str, str]:
    """The node's certificate and key; without one from outside it makes its own, as the real installer does."""
    given = settings.certificates
    if f"{host.name}.pem" in given:
        return given[f"{host.name}.pem"], given[f"{host.name}-key.pem"]
    request = MintRequest(OWN_CERTIFICATE_DAYS, (CertifiedNode("server", host.name, "127.0.0.1"),))
    files = mint(request, dt.datetime.now(dt.UTC)).files
    return files[f"{host.name}.pem"], files[f"{host.name}-key.pem"]
