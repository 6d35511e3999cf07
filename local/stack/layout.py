"""Where a local stack lives: its folder, ports, addresses and the environment its parts read."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from local.stack import keys, ports

REPOSITORY = Path(__file__).resolve().parents[2]
CELL = "lo"
OIDC_CLIENT = "garrison-portal"
SMALL_LOG_BYTES = 64 * 1024
# What is offered, the newest first; also the image's tag. The odd ones exist only here: an indexer that exits, one
# that takes an hour to start, a dashboard that attacks whoever opens it, a newer version whose dashboard exits, and a
# candidate of the next major version, which is no default.
ODD_VERSIONS = ("4.14.7-exits", "4.14.7-slow", "4.14.7-hostile", "4.14.8-blind", "5.0.0-rc")
VERSIONS = {version: version for version in ("4.14.7", "4.14.6", *ODD_VERSIONS)}
IMAGES = {
    "manager": "wazuh/wazuh-manager",
    "indexer": "wazuh/wazuh-indexer",
    "dashboard": "wazuh/wazuh-dashboard",
    "certs": "garrison/certs",
}
# What `images/build.sh` builds: the official ones speak TLS, which the edge can't, and bring no certificates node.
BUILT_IMAGES = {role: f"wazuh-{role}" for role in IMAGES}


def image_key(version: str) -> str:
    return "v" + version.replace(".", "").replace("-", "")


class NoDocker(Exception):
    """A Docker engine was asked for and none answers; the message says where it was looked for."""


def docker_socket() -> str:
    """The path of a Docker engine's socket that answers. Raises: NoDocker."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    path = host.removeprefix("unix://")
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=path), timeout=2) as engine:
            engine.get("http://engine/_ping").raise_for_status()
    except httpx.HTTPError as problem:
        raise NoDocker(
            f"ENGINE=docker: no Docker engine answers at {host} ({problem}). Nothing was started. Start Docker with a "
            "Unix socket, or leave ENGINE away: the stand-in engine needs none."
        ) from None
    return path


@dataclass(frozen=True)
class Layout:
    """One local stack.

    Args:
        root: its folder; everything the stack writes lies in there.
        usual_ports: try 8000 and 8787 first.
        shared_nodes: one process plays many nodes (scale runs only).
        small_logs: what the edge keeps of events and of the journal goes to the archive early.
        running: it runs already, so its ports are those it took.
    """

    root: Path
    usual_ports: bool = True
    shared_nodes: bool = False
    small_logs: bool = False
    running: bool = False

    @cached_property
    def keys(self) -> keys.LocalKeys:
        return keys.ensure(self.key_folder)

    @cached_property
    def ports(self) -> dict[str, int]:
        remembered = self.root / "ports.json"
        return ports.taken(remembered) if self.running else ports.choose(remembered, usual=self.usual_ports)

    @cached_property
    def docker(self) -> str | None:
        return docker_socket() if os.environ.get("ENGINE") == "docker" else None

    @property
    def key_folder(self) -> Path:
        return self.root / "keys"

    @property
    def runtime(self) -> str:
        return "docker" if self.docker else "stand-in"

    @property
    def nodes(self) -> str:
        """What plays the tenants' nodes, for people."""
        if self.docker:
            return "docker"
        return "stand-in: simulated, no real Wazuh" + ("; one process plays many nodes" if self.shared_nodes else "")

    @property
    def versions(self) -> dict[str, str]:
        return {"4.14.7": "4.14.7"} if self.docker else VERSIONS

    @property
    def engine_socket(self) -> Path:
        return Path(self.docker) if self.docker else self.root / "engine.sock"

    @property
    def portal(self) -> str:
        return f"http://localhost:{self.ports['portal']}"

    @property
    def edge(self) -> str:
        return f"http://localhost:{self.ports['edge']}"

    @property
    def dashboard_zone(self) -> str:
        """Not `localhost` itself: below that each name is a site of its own to a browser, unlike in production."""
        return f"dash.localhost:{self.ports['edge']}"

    @property
    def oidc_issuer(self) -> str:
        return f"http://localhost:{self.ports['oidc']}"

    @property
    def saml_idp(self) -> str:
        return f"http://localhost:{self.ports['saml']}"

    @property
    def mail(self) -> str:
        """The page that shows every mail the product sent."""
        return f"http://localhost:{self.ports['mail']}"

    @property
    def dns(self) -> str:
        """The page on which the stand-in name server's records are published."""
        return f"http://localhost:{self.ports['dns']}"

    def django_environment(self) -> dict[str, str]:
        """What `controlplane.settings` reads, for the portal, Celery and management commands."""
        return {
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
            "GARRISON_ENV": "local",
            "GARRISON_BASE_URL": self.portal,
            "GARRISON_SECRET_KEY": self.keys.django_secret,
            "GARRISON_DATA_DIR": str(self.root),
            "DATABASE_URL": f"sqlite:///{self.root / 'portal.sqlite3'}",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['broker']}/0",
            "GARRISON_CONTROL_KEY": str(keys.door_key_path(self.key_folder, "control")),
            "GARRISON_ACCESS_KEY": str(keys.door_key_path(self.key_folder, "access")),
            "GARRISON_CELL_ID_KEYS": json.dumps({CELL: self.keys.cell_id_key}),
            "GARRISON_FIELD_KEYS": self.keys.field_keys,
            "GARRISON_AUDIT_KEY": self.keys.audit_key,
            "GARRISON_LOOPBACK_ORIGINS": ",".join((self.oidc_issuer, self.saml_idp, self.edge)),
            "GARRISON_SMTP_URL": f"smtp://127.0.0.1:{self.ports['smtp']}",
            "GARRISON_MAIL_FROM": "portal@garrison.example",
            "GARRISON_SPF_INCLUDE": "_spf.garrison.example",
            "GARRISON_DNS_RESOLVERS": f"127.0.0.1:{self.ports['dns']}",
            "GARRISON_OIDC_ISSUER": self.oidc_issuer,
            "GARRISON_OIDC_CLIENT_ID": OIDC_CLIENT,
            "GARRISON_OIDC_CLIENT_SECRET": self.keys.oidc_client_secret,
        }

    def edge_configuration(self, **variables: str) -> dict[str, object]:
        """What `local/edge/launch.mjs` reads: the Worker's variables with those given, images, where data persist."""
        return {
            "port": self.ports["edge"],
            "engine_socket": str(self.engine_socket),
            "persist": str(self.root / "edge"),
            "bundle": str(REPOSITORY / "worker/dist/index.js"),
            "images": {
                role: {image_key(v): f"{image}:{tag}" for v, tag in self.versions.items()}
                for role, image in (BUILT_IMAGES if self.docker else IMAGES).items()
            },
            "vars": self._worker_variables() | variables,
        }

    def _worker_variables(self) -> dict[str, str]:
        port = self.ports["edge"]
        return {
            "ENVIRONMENT": "local",
            "CELL_ID": CELL,
            "RUNTIME": self.runtime,
            "CONTROL_KEYS": json.dumps(keys.public_door_keys(self.key_folder)),
            "PORTAL_ORIGIN": self.portal,
            "API_HOSTS": f"localhost:{port},127.0.0.1:{port}",
            "DASHBOARD_ZONE": self.dashboard_zone,
            "PUBLIC_URL": self.edge,
            "VERSIONS": json.dumps({version: image_key(version) for version in self.versions}),
            "CELL_ID_KEY": self.keys.cell_id_key,
            "DATA_KEYS": self.keys.data_keys,
            **({"HOT_LOG_BYTES": str(SMALL_LOG_BYTES)} if self.small_logs else {}),
        }
