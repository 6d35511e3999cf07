"""Records what is sent to each operation and what comes back, told so that one recording is like the next."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import respx
from django.db import transaction
from django.test import Client
from django.utils import timezone

from organizations.models import User
from tenants.provisioning.models import Cell
from tests.cast import session_of
from tests.database import all_rows
from tests.examples.scenes import SCENES, WITHOUT, Scene, run
from tests.examples.telling import Telling
from tests.isolation.matrix import MATRIX, PLAIN
from tests.isolation.routes import CONTRACTS
from tests.isolation.world import World
from tests.tenants.conftest import EDGE
from tests.tenants.edge import FakeEdge

CONTRACT = json.loads((CONTRACTS / "portal-api.json").read_text())
JSON = "application/json"
OF_A_TENANT = Scene(prepare=(run,))
"""Where nothing else is said: of tenants that run there is more to tell."""
PLAINLY = Scene()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields "VERB path" and description of each operation that takes or gives JSON."""
    for path, verbs in sorted(CONTRACT["paths"].items()):
        for verb, operation in sorted(verbs.items()):
            answers = [each.get("content", {}) for status, each in operation["responses"].items() if status < "3"]
            if any(JSON in each for each in [operation.get("requestBody", {}).get("content", {}), *answers]):
                yield f"{verb.upper()} {path}", operation


def record_all(world: World) -> dict[str, dict[str, Any]]:
    """Returns the example of each operation by "VERB path"."""
    telling = Telling(timezone.now())
    return {name: telling.of(record(world, name)) for name, _ in operations() if name not in WITHOUT}


def record(world: World, name: str) -> dict[str, Any]:
    """Plays an operation's scene and returns its request, the status and the answer. Nothing of it stays."""
    verb, path = name.split(" ", 1)
    scene = SCENES.get(name) or (OF_A_TENANT if "tenant" in path or "operation" in path else PLAINLY)
    rule = MATRIX[path][verb]
    ids = {**PLAIN, **world.ids, **(world.ids_of_msp if scene.in_msp else {})}
    body = _filled(rule.body if scene.body is None else scene.body, ids)
    with _edge() as edge, transaction.atomic():
        visitor = _visitor(world, scene.by)
        for prepare in scene.prepare:
            prepare(world, edge)
        for before, at, sent in scene.after:
            _send(visitor, before, at.format(**ids), _filled(sent, ids))
        for effect in scene.then:
            effect(world, edge)
        answer = _send(visitor, verb, path.format(**ids), body, rule.query)
        transaction.set_rollback(True)
    return {
        **({"request": body} if body else {}),
        "status": str(answer.status_code),
        **({"answer": answer.json()} if answer.get("Content-Type", "").endswith("json") else {}),
    }


@contextmanager
def _edge() -> Iterator[FakeEdge]:
    edge = FakeEdge()
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=EDGE).mock(side_effect=edge.handle)
        with all_rows():
            Cell.objects.update(feed_epoch=edge.feed_epoch)
        yield edge


def _visitor(world: World, name: str) -> Client:
    if name in world.visitors:
        return world.visitors[name].client
    return session_of(User.objects.get(email=f"{name}@example.test"))


def _send(client: Client, verb: str, path: str, body: Any, query: str = "") -> Any:
    return client.generic(verb, path, json.dumps(body), JSON, QUERY_STRING=query)


def _filled(value: Any, ids: dict[str, str]) -> Any:
    """The body with the world's ids in it."""
    if isinstance(value, dict):
        return {name: _filled(each, ids) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, ids) for each in value]
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], value) if isinstance(value, str) else value
