"""The Docker API subset that workerd and miniflare call, as one table of routes."""

import json
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from local.engine.containers import Container, Containers, EngineError
from local.engine.images import Image, find_image
from local.engine.snapshots import Snapshots
from local.web.messages import BadRequest, Request, Response

API_VERSION = "1.44"
STOP_GRACE = 10.0  # seconds, as Docker's default
NOT_FOUND = {"message": "page not found"}
NO_CONTENT = Response(204)

Route = tuple[str, re.Pattern[str], Callable[..., Awaitable[Response]]]


class DockerApi:
    """Answers the engine's socket."""

    def __init__(self, containers: Containers, snapshots: Snapshots, mode: str) -> None:
        self.containers, self.snapshots, self.mode = containers, snapshots, mode
        one, name = r"/containers/(?P<name>[^/]+)", r"(?P<name>.+)"
        table: list[tuple[str, str, Callable[..., Awaitable[Response]]]] = [
            ("GET", "/_ping", self.ping),
            ("HEAD", "/_ping", self.ping),
            ("GET", "/version", self.version),
            ("GET", "/info", self.info),
            ("GET", "/networks/bridge", self.bridge),
            ("GET", "/volumes", self.volumes),
            ("GET", "/containers/json", self.listing),
            ("POST", "/containers/create", self.create),
            ("GET", f"{one}/json", self.inspect),
            ("GET", f"{one}/logs", self.logs),
            ("POST", f"{one}/start", self.start),
            ("POST", f"{one}/stop", self.stop),
            ("POST", f"{one}/restart", self.restart),
            ("POST", f"{one}/kill", self.kill),
            ("POST", f"{one}/wait", self.wait),
            ("DELETE", one, self.remove),
            ("POST", "/commit", self.commit),
            ("GET", f"/images/{name}/json", self.inspect_image),
            ("DELETE", f"/images/{name}", self.delete_image),
        ]
        self._routes: list[Route] = [(method, re.compile(pattern + r"\Z"), answer) for method, pattern, answer in table]

    async def handle(self, request: Request) -> Response:
        path = re.sub(r"^/v\d+\.\d+(?=/)", "", request.path)
        for method, pattern, answer in self._routes:
            match = pattern.match(path)
            if match and method == request.method:
                return await self._answer(answer, request, match.groupdict())
        return Response.of_json(NOT_FOUND, 404)

    async def _answer(
        self, answer: Callable[..., Awaitable[Response]], request: Request, parts: dict[str, str]
    ) -> Response:
        try:
            return await answer(request, **parts)
        except EngineError as error:
            return Response.of_json({"message": error.message}, error.status)

    async def ping(self, request: Request) -> Response:
        return Response(200, b"OK", {"api-version": API_VERSION, "content-type": "text/plain"})

    async def version(self, request: Request) -> Response:
        return Response.of_json({"Version": "stand-in", "ApiVersion": API_VERSION, "Os": "linux"})

    async def info(self, request: Request) -> Response:
        containers = list(self.containers)
        return Response.of_json(
            {
                "Name": "garrison-stand-in-engine",
                "ServerVersion": "stand-in",
                "OperatingSystem": "Stand-in container engine: local processes, no isolation",
                "Labels": ["garrison.runtime=stand-in", f"garrison.mode={self.mode}"],
                "Containers": len(containers),
                "ContainersRunning": sum(container.running for container in containers),
            }
        )

    async def bridge(self, request: Request) -> Response:
        ipam = {"Driver": "default", "Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.1"}]}
        return Response.of_json({"Name": "bridge", "Driver": "bridge", "IPAM": ipam})

    async def volumes(self, request: Request) -> Response:
        return Response.of_json({"Volumes": [], "Warnings": None})

    async def listing(self, request: Request) -> Response:
        everything = request.query.get("all") in ("1", "true")
        wanted = _label_filters(request)
        shown = [
            container.summary()
            for container in self.containers
            if (everything or container.running) and all(_has_label(container, label) for label in wanted)
        ]
        return Response.of_json(shown)

    async def create(self, request: Request) -> Response:
        config = request.json()
        if not isinstance(config, dict) or not isinstance(config.get("Image"), str):
            raise BadRequest("A container needs an Image")
        name = request.query.get("name")
        if not name:
            raise BadRequest("A container needs a name")
        snapshot = self.snapshots.find(config["Image"])
        image = snapshot.image if snapshot else self._image(config["Image"])
        container = self.containers.create(name, image, config, snapshot.disk if snapshot else None)
        return Response.of_json({"Id": container.id, "Warnings": []}, 201)

    def _image(self, reference: str) -> Image:
        image = find_image(reference)
        if image is None:
            raise EngineError(404, f"No such image: {reference}. The stand-in engine has Wazuh's node images only")
        return image

    async def inspect(self, request: Request, name: str) -> Response:
        return Response.of_json(self.containers.find(name).inspect())

    async def logs(self, request: Request, name: str) -> Response:
        log = self.containers.find(name).log
        return Response(200, log.read_bytes() if log.exists() else b"", {"content-type": "text/plain"})

    async def start(self, request: Request, name: str) -> Response:
        return NO_CONTENT if await self.containers.start(self.containers.find(name)) else Response(304)

    async def stop(self, request: Request, name: str) -> Response:
        stopped = await self.containers.stop(self.containers.find(name), _grace(request))
        return NO_CONTENT if stopped else Response(304)

    async def restart(self, request: Request, name: str) -> Response:
        container = self.containers.find(name)
        await self.containers.stop(container, _grace(request))
        await self.containers.start(container)
        return NO_CONTENT

    async def kill(self, request: Request, name: str) -> Response:
        number = _signal_number(request.query.get("signal", "SIGKILL"))
        await self.containers.signal(self.containers.find(name), number)
        return NO_CONTENT

    async def wait(self, request: Request, name: str) -> Response:
        container = self.containers.find(name)
        condition = request.query.get("condition", "not-running")
        if condition == "removed":
            await container.removed.wait()
            code = container.exit_code
        elif condition == "next-exit":
            code = await self.containers.wait_next_exit(container)
        elif condition == "not-running":
            code = await self.containers.wait_ended(container)
        else:
            raise BadRequest(f"invalid condition: {condition}")
        return Response.of_json({"StatusCode": code})

    async def remove(self, request: Request, name: str) -> Response:
        force = request.query.get("force") in ("1", "true")
        await self.containers.remove(self.containers.find(name), force=force)
        return NO_CONTENT

    async def commit(self, request: Request) -> Response:
        reference = request.query.get("repo", "")
        if not reference:
            raise BadRequest("A commit needs repo, the name of the image")
        tag = request.query.get("tag")
        container = self.containers.find(request.query.get("container", ""))
        snapshot = await self.snapshots.commit(container, f"{reference}:{tag}" if tag else reference)
        return Response.of_json({"Id": snapshot.id}, 201)

    async def inspect_image(self, request: Request, name: str) -> Response:
        snapshot = self.snapshots.find(name)
        if snapshot is not None:
            return Response.of_json(snapshot.inspect())
        image = self._image(name)
        return Response.of_json({"Id": image.id, "RepoTags": [image.reference], "Parent": "", "Size": 0})

    async def delete_image(self, request: Request, name: str) -> Response:
        if not await self.snapshots.delete(name):
            raise EngineError(404, f"No such image: {name}")
        return Response.of_json([{"Deleted": name}])


def _label_filters(request: Request) -> list[str]:
    try:
        filters: dict[str, Any] = json.loads(request.query.get("filters") or "{}")
    except ValueError as error:
        raise BadRequest(f"filters is not valid JSON: {error}") from error
    labels = filters.get("label", [])
    return [*labels]  # Docker also sends {"key=value": true}; iterating covers both


def _has_label(container: Container, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in container.labels and (not equals or container.labels[name] == value)


def _signal_number(text: str) -> int:
    try:
        if text.isdecimal():
            return signal.Signals(int(text)).value
        return signal.Signals["SIG" + text.upper().removeprefix("SIG")].value
    except (KeyError, ValueError) as error:
        raise BadRequest(f"Invalid signal: {text}") from error


def _grace(request: Request) -> float:
    """Seconds between SIGTERM and SIGKILL."""
    text = request.query.get("t", "")
    if text and not text.isdecimal():
        raise BadRequest(f"t is not a number of seconds: {text}")
    return float(text) if text else STOP_GRACE
