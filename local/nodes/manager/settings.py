"""The manager's environment, checked once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from local.nodes.host import Host

REQUIRED = ("INDEXER_URL", "INDEXER_USERNAME", "INDEXER_PASSWORD", "API_USERNAME", "API_PASSWORD", "WAZUH_CLUSTER_KEY")
CLUSTER_KEY_LENGTH = 32


class BadSettings(Exception):
    """The manager cannot start; the text names the variable."""


@dataclass(frozen=True)
class Settings:
    """What a manager is told from outside."""

    indexer_url: str
    indexer_username: str
    indexer_password: str
    api_username: str
    api_password: str
    authd_password: str
    certificates: Mapping[str, str]  # file name -> PEM

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
            json.loads(environment.get("NODE_CERTIFICATES") or "{}"),
        )
