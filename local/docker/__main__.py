"""`python -m local.docker`: gives the Docker engine that answers the images of the stand-in nodes, or says why not."""

import sys

import httpx

from local.docker.files import Missing
from local.docker.images import every_reference, provide
from local.stack.layout import NoDocker, docker_socket

ANSWER_SECONDS = 60.0
NO_GATEWAY = (
    "the engine's network `bridge` names no gateway, and workerd asks for it: start dockerd with --bip 172.17.0.1/16"
)


def main() -> int:
    try:
        path = docker_socket()
        transport = httpx.HTTPTransport(uds=path)
        with httpx.Client(transport=transport, base_url="http://engine", timeout=ANSWER_SECONDS) as engine:
            refuse_without_gateway(engine)
            provide(engine, every_reference())
            version = engine.get("/version").raise_for_status().json()["Version"]
    except (NoDocker, Missing, httpx.HTTPError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Docker {version} at {path} has the images of the stand-in nodes", file=sys.stderr)
    return 0


def refuse_without_gateway(engine: httpx.Client) -> None:
    """Engines up to 20.10 keep it to themselves unless they are told it. Raises Missing."""
    bridge = engine.get("/networks/bridge").raise_for_status().json()
    if not any(part.get("Gateway") for part in bridge["IPAM"]["Config"]):
        raise Missing(NO_GATEWAY)


if __name__ == "__main__":
    raise SystemExit(main())
