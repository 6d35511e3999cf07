"""Which stand-in node an image name stands for."""

import hashlib
import re
from dataclasses import dataclass

EGRESS_SIDECAR = "sidecar"

# repository's last part -> role, whatever registry or account stands before it
ROLES = {
    "wazuh-manager": "manager",
    "wazuh-indexer": "indexer",
    "wazuh-dashboard": "dashboard",
    "certs": "certs",
    "proxy-everything": EGRESS_SIDECAR,
}

# role -> entry point that plays it
ENTRIES = {
    "manager": "local.nodes.manager.main:run",
    "indexer": "local.nodes.indexer.main:run",
    "dashboard": "local.nodes.dashboard.main:run",
    "certs": "local.nodes.certs.main:run",
}

# (role, suffix of the tag) -> entry point of an image that is faulty on purpose
FAULTY_ENTRIES = {
    ("indexer", "exits"): "local.nodes.faulty:exits_while_starting",
    ("indexer", "slow"): "local.nodes.faulty:starts_slowly",
    ("dashboard", "blind"): "local.nodes.faulty:exits_while_starting",
    ("dashboard", "hostile"): "local.nodes.hostile:run",
}

TAG = re.compile(r"\d+\.\d+\.\d+(?:-(?P<suffix>[a-z]+))?")


@dataclass(frozen=True)
class Image:
    """An image this engine can run; `software` is the published image whose node it runs (a snapshot's origin)."""

    reference: str
    role: str
    entry: str | None
    software: str

    @property
    def id(self) -> str:
        return f"sha256:{hashlib.sha256(self.reference.encode()).hexdigest()}"


def find_image(reference: str) -> Image | None:
    """The image that `reference` (`[registry/]account/name:tag`) names, or None where this engine has none."""
    name, _, tag = reference.partition("@")[0].rpartition("/")[2].partition(":")
    role = ROLES.get(name)
    if role is None:
        return None
    if role == EGRESS_SIDECAR:
        return Image(reference, role, None, reference)
    match = TAG.fullmatch(tag)
    if match is None:
        return None
    entry = FAULTY_ENTRIES.get((role, match["suffix"] or ""), ENTRIES[role])
    return Image(reference, role, entry, reference)
