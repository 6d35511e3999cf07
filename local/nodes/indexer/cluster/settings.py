"""What a node of a cluster is told from outside, and the TLS that follows from it."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from images.lib.mesh.tunnel import ways_in
from local.nodes.host import Host

ALONE = "single-node"
NODE = re.compile(r"indexer-([0-9])")


class BadSettings(Exception):
    """The indexer can't start; the text names the variable."""


@dataclass(frozen=True)
class ClusterSettings:
    """Which node it is, by number, and which others there are."""

    node: int
    peers: tuple[int, ...]
    url: str
    certificates: Mapping[str, str]  # file name -> PEM

    @property
    def majority(self) -> int:
        return (len(self.peers) + 1) // 2 + 1

    @classmethod
    def of(cls, host: Host) -> "ClusterSettings | None":
        """None for a node that is alone. Raises BadSettings."""
        environment = host.environment
        if environment.get("discovery.type", ALONE) == ALONE:
            return None
        name = NODE.fullmatch(host.name)
        if not name:
            raise BadSettings("NODE_NAME must be indexer-<number>")
        try:
            ways = ways_in(environment.get("MESH_LISTEN", ""))
        except ValueError as error:
            raise BadSettings(str(error)) from error
        certificates = json.loads(environment.get("NODE_CERTIFICATES") or "{}")
        if f"{host.name}.pem" not in certificates:
            raise BadSettings(f"NODE_CERTIFICATES holds no certificate of {host.name}")
        peers = tuple(way.peer for way in ways if way.peer is not None)
        return cls(int(name[1]), peers, environment.get("MESH_URL", ""), certificates)

    def tls(self, folder: Path, purpose: ssl.Purpose) -> ssl.SSLContext:
        """A context in which both sides show a certificate of an authority that this node trusts."""
        folder.mkdir(mode=0o700, exist_ok=True)
        names = ("root-ca.pem", f"indexer-{self.node}.pem", f"indexer-{self.node}-key.pem")
        for name in names:
            (folder / name).write_text(self.certificates[name])
        authorities, certificate, key = (folder / name for name in names)
        context = ssl.create_default_context(purpose, cafile=str(authorities))
        # As in the image: who a node is stands in its certificate's subject, its address says nothing.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        return context
