"""The real edge over a real Docker engine, whose images hold the stand-in nodes."""

import os
from pathlib import Path
from typing import ClassVar

from local.docker.images import REPOSITORY, SIDECAR, provide
from local.stack.layout import docker_socket
from tests.contract.edge_process import IMAGES, VERSIONS, Edge
from tests.contract.edge_visitors import Machine

# miniflare's own variable: with it, the egress sidecar is Cloudflare's and not the stand-in.
OWN_SIDECAR = "MINIFLARE_CONTAINER_EGRESS_IMAGE"


class DockerEdge(Edge):
    """One cell whose nodes are containers of the engine that answers at `DOCKER_HOST`."""

    runtime = "docker"
    images: ClassVar = {role: f"{REPOSITORY}/{image.rpartition('/')[2]}" for role, image in IMAGES.items()}
    environment: ClassVar = {OWN_SIDECAR: os.environ.get(OWN_SIDECAR, SIDECAR)}

    def start_engine(self) -> None:
        """It runs already: it gets the images, and a name where the tests look for an engine."""
        (self.root / "engine.sock").symlink_to(Path(docker_socket()).resolve())
        with Machine(self).engine() as engine:
            provide(engine, (f"{image}:{version}" for image in self.images.values() for version in VERSIONS))
