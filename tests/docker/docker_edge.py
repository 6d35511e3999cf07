"""The real edge over a real Docker engine, whose images hold the stand-in nodes."""

import os
from pathlib import Path
from typing import ClassVar

from local.docker.images import SIDECAR, image_of
from local.stack.layout import docker_socket
from tests.contract.edge_process import IMAGES, Edge

# miniflare's own variable: with it, the egress sidecar is Cloudflare's and not the stand-in.
OWN_SIDECAR = "MINIFLARE_CONTAINER_EGRESS_IMAGE"


class DockerEdge(Edge):
    """One cell whose nodes are containers of the engine at `DOCKER_HOST`; `python -m local.docker` made its images."""

    runtime = "docker"
    orderly = 0  # as the product's images do
    attempts = 3  # workerd gives a sidecar two seconds to answer, which a busy machine may not keep
    images: ClassVar = {role: image_of(role) for role in IMAGES}
    environment: ClassVar = {OWN_SIDECAR: os.environ.get(OWN_SIDECAR, SIDECAR)}

    def start_engine(self) -> None:
        """It runs already: here it only gets a name where tests look for an engine."""
        (self.root / "engine.sock").symlink_to(Path(docker_socket()).resolve())
