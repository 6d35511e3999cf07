"""A stand-in node played as a task of the test's own loop."""

import asyncio
import datetime as dt
import functools
import io
import json
from pathlib import Path
from typing import Any

import httpx

from local.engine.images import ENTRIES
from local.engine.zygote import load_entry
from local.nodes.certs.bundle import mint
from local.nodes.certs.request import read_request
from local.nodes.host import Host

START_DEADLINE = 10.0
MANAGER_ENVIRONMENT = {
    "INDEXER_URL": "http://indexer.internal",
    "INDEXER_USERNAME": "admin",
    "INDEXER_PASSWORD": "Indexer.1-password",
    "API_USERNAME": "wazuh-wui",
    "API_PASSWORD": "Manager.1-password",
    "WAZUH_CLUSTER_KEY": "k" * 32,
    "AUTHD_PASSWORD": "enroll-password",
}
ENVIRONMENTS = {
    "manager": MANAGER_ENVIRONMENT,
    "indexer": {
        "INDEXER_PASSWORD": "Indexer.1-password",
        "DASHBOARD_PASSWORD": "Kibana.1-password",
        "INDEX_SHARDS": "2",
        "INDEX_REFRESH_SECONDS": "30",
    },
    "dashboard": {"API_USERNAME": "wazuh-wui", "API_PASSWORD": "Manager.1-password"},
    "certs": {},
}


@functools.cache
def bundle() -> dict[str, str]:
    """One minted bundle for all managers of the run: minting takes a moment."""
    nodes = {"server": [{"name": "manager-0", "ip": "127.0.0.1"}]}
    return mint(read_request({"days": 30, "nodes": nodes}), dt.datetime.now(dt.UTC)).files


class PlayedNode:
    """One node; `ports` maps its real ports to those taken."""

    def __init__(self, role: str, disk: Path, environment: dict[str, str], version: str = "4.14.7") -> None:
        self.role, self.disk = role, disk
        self.environment = {"NODE_NAME": f"{role}-0", **ENVIRONMENTS[role], **environment}
        self.environment.setdefault("NODE_CERTIFICATES", json.dumps(bundle()))
        self.ports: dict[int, int] = {}
        self.output = io.StringIO()
        self._serving = asyncio.Event()
        self._host = Host(f"wazuh/wazuh-{role}:{version}", self.environment, disk, self._listens, output=self.output)
        self._task: asyncio.Task[int] | None = None

    def _listens(self, ports: Any) -> None:
        self.ports.update(ports)
        self._serving.set()

    async def __aenter__(self) -> "PlayedNode":
        self._task = asyncio.create_task(load_entry(ENTRIES[self.role])(self._host))
        serving = asyncio.create_task(self._serving.wait())
        await asyncio.wait([self._task, serving], timeout=START_DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> int:
        """Asks the node to stop; its exit code."""
        self._host.stopping.set()
        return await self._task

    def client(self, port: int, **options: Any) -> httpx.AsyncClient:
        """An HTTP client, written apart from the node, for one of its ports."""
        # plain HTTP only, so no time goes into loading authorities
        base = f"http://127.0.0.1:{self.ports[port]}"
        return httpx.AsyncClient(base_url=base, trust_env=False, verify=False, **options)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]
