"""`/`, `/manager` and `/events`: calls about the node itself."""

import time
import uuid
from pathlib import Path

from local.nodes.host import Host
from local.nodes.manager.analysis import Analysis
from local.nodes.manager.api.envelope import bad_parameter, data, items
from local.web.messages import Request, Response
from local.web.routing import Route

RUNNING = ("analysisd", "authd", "remoted", "modulesd", "db", "apid", "clusterd", "monitord", "execd")
STOPPED = ("agentlessd", "csyslogd", "dbd", "integratord", "maild", "reportd", "logcollector", "syscheckd")
MAX_EVENTS = 100
API_LOCATION = "API-Webhook"


def processes() -> dict[str, str]:
    """What a manager says of each of its processes."""
    return {f"wazuh-{name}": "running" for name in RUNNING} | {f"wazuh-{name}": "stopped" for name in STOPPED}


class NodeCalls:
    """The calls about this manager."""

    def __init__(self, host: Host, analysis: Analysis) -> None:
        self._host, self._analysis = host, analysis
        self._uuid = _node_uuid(host.disk / "etc" / "uuid")

    def routes(self) -> list[Route]:
        return [
            ("GET", "/", self.root),
            ("GET", "/manager/info", self.info),
            ("GET", "/manager/status", self.status),
            ("GET", "/manager/configuration/auth/auth", self.enrolling),
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
        return items([processes()], "Processes status was successfully read in specified node")

    async def enrolling(self, request: Request) -> Response:
        """How authd enrolls; Wazuh's API adds the password from authd's file where authd asks for one."""
        auth = {"port": 1515, "disabled": "no", "remote_enrollment": "yes", "use_source_ip": "no", "purge": "yes"}
        password = self._host.disk / "etc" / "authd.pass"
        if not password.exists():
            active: dict[str, object] = {"auth": {**auth, "use_password": "no"}}
        else:
            active = {"auth": {**auth, "use_password": "yes"}, "authd.pass": password.read_text().rstrip()}
        return items([active], "Active configuration was successfully read in specified node")

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
