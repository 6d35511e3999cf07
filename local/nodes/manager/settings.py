"""The manager's environment, checked once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from images.lib.mesh.tunnel import Way, ways_in
from local.nodes.host import Host

REQUIRED = ("INDEXER_URL", "INDEXER_USERNAME", "INDEXER_PASSWORD", "API_USERNAME", "API_PASSWORD", "WAZUH_CLUSTER_KEY")
CLUSTER_KEY_LENGTH = 32


class BadSettings(Exception):
    """The manager cannot start; the text names the variable."""


@dataclass(frozen=True)
class ClusterSettings:
    """Whether the manager is one of several, and which. `ways` are ports that lead to other nodes."""

    name: str
    key: str
    node: str
    type: str
    disabled: bool
    url: str
    ways: tuple[Way, ...]

    @classmethod
    def of(cls, host: Host) -> "ClusterSettings":
        """Raises BadSettings. Without a word about it, a manager is alone."""
        environment = host.environment
        node_type = environment.get("NODE_TYPE", "master")
        if node_type not in ("master", "worker"):
            raise BadSettings("NODE_TYPE must be master or worker")
        listed = environment.get("MESH_LISTEN", "")
        try:
            ways = ways_in(listed) if listed else []
        except ValueError as error:
            raise BadSettings(str(error)) from error
        return cls(
            environment.get("TENANT_ID", "wazuh"),
            environment["WAZUH_CLUSTER_KEY"],
            host.name,
            node_type,
            environment.get("CLUSTER_DISABLED", "yes") == "yes",
            environment.get("MESH_URL", ""),
            tuple(ways),
        )


@dataclass(frozen=True)
class Settings:
    """What a manager is told from outside."""

    indexer_url: str
    indexer_username: str
    indexer_password: str
    api_username: str
    api_password: str
    authd_password: str
    enroll_url: str
    """Where the edge is asked about lines on 1515; empty: this manager enrolls by itself."""
    cluster: "ClusterSettings"
    certificates: Mapping[str, str]  # file name -> PEM
    agents_prefix: str  # path below which agents of Wazuh 5 are served

    @classmethod
    def of(cls, host: Host) -> "Settings":
        """Raises BadSettings where a variable is missing: no default credential is ever used."""
        environment = host.environment
        for name in REQUIRED:
            if not environment.get(name):
                raise BadSettings(f"{name} is not set")
        key = environment["WAZUH_CLUSTER_KEY"]
        if len(key) != CLUSTER_KEY_LENGTH or not key.isalnum():
            raise BadSettings(f"WAZUH_CLUSTER_KEY must be {CLUSTER_KEY_LENGTH} letters and digits")
        return cls(
            environment["INDEXER_URL"].rstrip("/"),
            environment["INDEXER_USERNAME"],
            environment["INDEXER_PASSWORD"],
            environment["API_USERNAME"],
            environment["API_PASSWORD"],
            environment.get("AUTHD_PASSWORD", ""),
            environment.get("ENROLL_URL", ""),
            ClusterSettings.of(host),
            json.loads(environment.get("NODE_CERTIFICATES") or "{}"),
            environment.get("AGENTS_PREFIX", "/wazuh-manager/"),
        )
