"""What to mint: the nodes of a deployment, read from JSON and checked field by field."""

import re
from dataclasses import dataclass
from typing import Any

from local.nodes.addresses import is_address
from local.web.messages import BadRequest

ROLES = ("indexer", "server", "dashboard")
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
RESERVED = {"admin", "root-ca"}
MAX_DAYS = 3650
MAX_NODES = 100


@dataclass(frozen=True)
class CertifiedNode:
    """One node; `address` is an IP address or a host name."""

    role: str
    name: str
    address: str

    @property
    def is_ip(self) -> bool:
        return is_address(self.address)


@dataclass(frozen=True)
class MintRequest:
    days: int
    nodes: tuple[CertifiedNode, ...]


def read_request(body: Any) -> MintRequest:
    """Checks a request; raises BadRequest naming the field that is wrong."""
    if not isinstance(body, dict):
        raise BadRequest("the request must be an object with days and nodes")
    days, groups = body.get("days", 365), body.get("nodes")
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        raise BadRequest(f"days: must be a whole number from 1 to {MAX_DAYS}")
    if not isinstance(groups, dict) or not groups or set(groups) - set(ROLES):
        raise BadRequest(f"nodes: must be an object with any of {', '.join(ROLES)}")
    nodes = tuple(_read_node(role, at, node) for role, listed in groups.items() for at, node in _entries(role, listed))
    names = [node.name for node in nodes]
    for name in names:
        if names.count(name) > 1 or name in RESERVED:
            raise BadRequest(f"nodes: the name {name} is taken")
    return MintRequest(days, nodes)


def _entries(role: str, listed: Any) -> list[tuple[int, Any]]:
    if not isinstance(listed, list) or len(listed) > MAX_NODES:
        raise BadRequest(f"nodes.{role}: must be a list of at most {MAX_NODES} nodes")
    return list(enumerate(listed))


def _read_node(role: str, at: int, node: Any) -> CertifiedNode:
    where = f"nodes.{role}[{at}]"
    fields = node if isinstance(node, dict) else {}
    name, address = fields.get("name"), fields.get("ip")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadRequest(f"{where}.name: missing or not a name")
    if not isinstance(address, str) or not (NAME.fullmatch(address) or is_address(address)):
        raise BadRequest(f"{where}.ip: missing or not an address or host name")
    return CertifiedNode(role, name, address)
