"""A cell of its own: engine, edge and the Workers beside it, one running tenant with enrolled agents."""

import json
import os
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from controlplane import edge_keys
from controlplane.ids import digest, make_token, new_id, new_token_id
from local.agent.identity import Identity, enroll
from local.bench.load_driver import NODE
from local.bench.process import Process, says
from local.stack.handle import wait_for
from local.stack.layout import CELL, REPOSITORY, Layout
from local.stack.ports import free
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.identity import mint

AGENTS = 40
RUNNING_SECONDS = 90.0
WORKERS = REPOSITORY / "local/bench/workers"
# A sample asks more often than the doors let anybody: their counting is measured, their refusals are not.
RATES = ("tunnel_guesses", "tunnel_per_agent", "tunnel_per_tenant", "events_per_tenant")
OFTEN = 1_000_000
SIZES = {"manager": "standard-1", "indexer": "standard-2", "dashboard": "standard-1"}


@dataclass
class Address:
    """What `EdgeApi` needs to know of a cell."""

    base_url: str
    id: str = CELL


@dataclass
class Cell:
    """The product's edge, asked at a port of its Worker's own.

    Args:
        root: the folder of its data and logs.
        inspected: with a port for the profiler. The runtime then remembers every log line for it, which costs time.
    """

    root: Path
    inspected: bool = False
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layout = Layout(self.root, usual_ports=False)
        os.environ |= self.layout.django_environment()  # what signs the calls to the edge reads its keys there
        taken = set(self.layout.ports.values())
        # The layout's are chosen, but nobody listens there yet.
        self.direct, self.bare, self.probe, self.inspector = [port for port in free(9) if port not in taken][:4]

    def start(self) -> None:
        engine = [sys.executable, "-m", "local.bench.engine", "--socket", str(self.layout.engine_socket)]
        self._run([*engine, "--root", str(self.root / "nodes")], "engine", "ready")
        configuration = self.root / "edge.json"
        configuration.write_text(json.dumps(self.layout.edge_configuration(RATE_LIMITS=_often()) | self._beside()))
        self._run([NODE, str(REPOSITORY / "local/edge/launch.mjs"), str(configuration)], "edge", "ready http")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.end()

    @property
    def host(self) -> str:
        return f"localhost:{self.layout.ports['edge']}"

    @cached_property
    def tenant(self) -> str:
        """A tenant that runs."""
        tenant = mint(CELL, bytes.fromhex(self.layout.keys.cell_id_key))
        plan = {
            "version": "4.14.7",
            "roles": {role: {"count": 1, "instance": instance} for role, instance in SIZES.items()},
            **{"certificate_days": 365, "retention_days": 10, "max_agents": 50},
        }
        spec = {"epoch": 1, "generation": 1, "operation_id": new_id("op"), "requested": "running", "plan": plan}
        self.api.put_tenant(tenant, spec)
        wait_for(lambda: self._observed(tenant) == "running", f"tenant {tenant} to run", RUNNING_SECONDS)
        return tenant

    def empty_stream(self) -> str:
        """A tenant's id whose event stream nobody has written to; the tenant itself does not run."""
        return mint(CELL, bytes.fromhex(self.layout.keys.cell_id_key))

    @cached_property
    def agents(self) -> list[Identity]:
        """Enrolled agents of the tenant, with their credentials."""
        id = new_token_id()
        text = make_token("enr", self.tenant, id)
        self.api.put_token(self.tenant, id, _token(text))
        return [enroll(self.layout.edge, text, f"bench-{number}") for number in range(AGENTS)]

    @property
    def tunnel(self) -> dict[str, Any]:
        """Where the load driver opens agents' connections, with each agent's credential."""
        credentials = {
            agent.agent_id: {
                "cf-access-client-id": agent.connector_id,
                "cf-access-client-secret": agent.connector_secret,
            }
            for agent in self.agents
        }
        path = f"/agents/{self.tenant}/1514"
        return {"port": self.direct, "host": self.host, "path": path, "agents": credentials}

    @property
    def events(self) -> dict[str, Any]:
        """Where the load driver reads the tenant's events, with a credential for it."""
        claims = {
            **{"sub": new_id("usr"), "tenant": self.tenant, "scope": "events:read", "role": "admin"},
            **{"organization": new_id("org"), "session": new_id("ses")},
        }
        return {"port": self.direct, "host": self.host, "token": edge_keys.sign_scoped(claims, cell_id=CELL)}

    def signed(self, path: str) -> dict[str, Any]:
        """A GET of the control plane as the load driver sends it; its proof is good for a minute."""
        proof = edge_keys.sign("control", cell_id=CELL, method="GET", path_query=path, body=b"")
        return {"path": path, "host": self.host, "headers": {"authorization": f"Bearer {proof}"}}

    def append(self, stream: str, events: list[Any]) -> dict[str, Any]:
        """A request to the Worker beside the edge that appends events to a stream."""
        path = f"/append?object={stream}"
        return {"method": "POST", "path": path, "host": "probe", "body": json.dumps(events)}

    @property
    def memory(self) -> int:
        """Bytes of the runtime below the launcher, shared pages by their share (PSS)."""
        launcher = self.processes[-1].pid
        children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
        return sum(_pss(child) for child in children)

    @cached_property
    def api(self) -> EdgeApi:
        return EdgeApi(Address(self.layout.edge))

    def _observed(self, tenant: str) -> str:
        return self.api.get_tenant(tenant).observed

    def _beside(self) -> dict[str, Any]:
        own = {"OBJECT": {"class": "BareObject"}}
        objects = {
            "TENANT": {"class": "TenantObject", "of": "edge"},
            "EVENTS": {"class": "EventStream", "of": "edge"},
            "BARE": {"class": "BareObject", "of": "bare"},
        }
        workers = [("bare", self.bare, own), ("probe", self.probe, objects)]
        beside = [
            {"name": name, "script": str(WORKERS / f"{name}.mjs"), "port": port, "objects": bound}
            for name, port, bound in workers
        ]
        inspector = {"inspector_port": self.inspector} if self.inspected else {}
        return {"direct_port": self.direct, "beside": beside, **inspector}

    def _run(self, argv: list[str], name: str, ready: str) -> None:
        self.processes.append(Process(argv, self.root / f"{name}.log", says(ready)))


def _often() -> str:
    return json.dumps(dict.fromkeys(RATES, OFTEN))


def _token(text: str) -> dict[str, Any]:
    in_an_hour = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    return {
        **{"epoch": 1, "name": "bench", "secret_sha256": digest(text), "expires_at": in_an_hour},
        **{"max_uses": AGENTS, "groups": [], "labels": {}},
    }


def _pss(pid: str) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.partition("\nPss:")[2].split()[0]) * 1024
