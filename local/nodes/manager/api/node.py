"""`/`, `/manager`, `/cluster` and `/events`: calls about the node itself."""

import time
import uuid
from pathlib import Path

from local.nodes.host import Host
from local.nodes.manager.analysis import Analysis
from local.nodes.manager.api.envelope import bad_parameter, data, items
from local.nodes.manager.api.views import DISCONNECTED_AFTER
from local.nodes.manager.registry import Registry
from local.web.messages import Request, Response
from local.web.routing import Route

RUNNING = ("analysisd", "authd", "remoted", "modulesd", "db", "apid", "clusterd", "monitord", "execd")
STOPPED = ("agentlessd", "csyslogd", "dbd", "integratord", "maild", "reportd", "logcollector", "syscheckd")
MAX_EVENTS = 100
API_LOCATION = "API-Webhook"


class NodeCalls:
    """The calls about this manager."""

    def __init__(self, host: Host, registry: Registry, analysis: Analysis) -> None:
        self._host, self._registry, self._analysis = host, registry, analysis
        self._uuid = _node_uuid(host.disk / "etc" / "uuid")

    def routes(self) -> list[Route]:
        return [
            ("GET", "/", self.root),
            ("GET", "/manager/info", self.info),
            ("GET", "/manager/status", self.status),
            ("GET", "/cluster/status", self.cluster_status),
            ("GET", "/cluster/nodes", self.cluster_nodes),
            ("GET", "/cluster/healthcheck", self.cluster_health),
            ("GET", "/cluster/local/info", self.cluster_local),
            ("POST", "/events", self.events),
        ]

    async def root(self, request: Request) -> Response:
        version = self._host.version
        body = {
            "title": "Wazuh API",
            "api_version": version,
            "revision": "stand-in",
            "license_name": "GPL 2.0",
            "license_url": f"https://github.com/wazuh/wazuh/blob/v{version}/LICENSE",
            "hostname": self._host.name,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        return data(body)

    async def info(self, request: Request) -> Response:
        facts = {
            "path": "/var/ossec",
            "version": f"v{self._host.version}",
            "type": "server",
            "max_agents": "unlimited",
            "openssl_support": True,
            "tz_offset": 0,
            "tz_name": "UTC",
            "uuid": self._uuid,
        }
        return items([facts], "Basic information was successfully read in specified node")

    async def status(self, request: Request) -> Response:
        processes = {f"wazuh-{name}": "running" for name in RUNNING} | {f"wazuh-{name}": "stopped" for name in STOPPED}
        return items([processes], "Processes status was successfully read in specified node")

    async def cluster_status(self, request: Request) -> Response:
        return data({"enabled": "yes", "running": "yes"})

    def _node(self) -> dict[str, str]:
        return {"name": self._host.name, "type": "master", "version": self._host.version, "ip": "127.0.0.1"}

    async def cluster_nodes(self, request: Request) -> Response:
        return items([self._node()], "All selected nodes information was returned")

    async def cluster_health(self, request: Request) -> Response:
        now = time.time()
        active = sum(agent.status(now, DISCONNECTED_AFTER) == "active" for agent in self._registry.all())
        info = {"info": {**self._node(), "n_active_agents": active}}
        return items([info], "All selected nodes healthcheck information was returned")

    async def cluster_local(self, request: Request) -> Response:
        return items(
            [{"node": self._host.name, "cluster": "wazuh", "type": "master"}], "All selected information returned"
        )

    async def events(self, request: Request) -> Response:
        body = request.json()
        events = body.get("events") if isinstance(body, dict) else None
        if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
            raise bad_parameter("events", f"must be a list of 1 to {MAX_EVENTS} strings")
        for event in events:
            if not isinstance(event, str):
                raise bad_parameter("events", "must be a list of strings")
        for event in events:
            self._analysis.take_own(API_LOCATION, event)
        return items(events, "All events were forwarded to analisysd")


def _node_uuid(file: Path) -> str:
    if not file.exists():
        file.write_text(str(uuid.uuid4()))
    return file.read_text()
