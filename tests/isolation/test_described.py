"""What the API answers has the form that its description says; nothing is left out of either."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.isolation.matrix import MATRIX
from tests.isolation.routes import CONTRACTS
from tests.isolation.test_matrix import dns_is_empty, edge_is_away, send
from tests.isolation.world import World, world

pytestmark = pytest.mark.sqlite
__all__ = ["dns_is_empty", "edge_is_away", "world"]

CONTRACT = json.loads((CONTRACTS / "portal-api.json").read_text())
OPERATIONS = [
    pytest.param(path, verb.upper(), operation["responses"], id=f"{verb.upper()} {path}")
    for path, operations in CONTRACT["paths"].items()
    for verb, operation in operations.items()
]


def faults_of(answer: Any, responses: dict[str, Any]) -> list[str]:
    """Where an answer departs from what is described for its status."""
    described = responses.get(str(answer.status_code))
    if described is None:
        return [f"{answer.status_code} is not described"]
    kind = answer.get("Content-Type", "").partition(";")[0]
    if answer.streaming or not answer.content:
        return []
    schema = described.get("content", {}).get(kind, {}).get("schema")
    if schema is None:
        return [f"{answer.status_code} as {kind} is not described"]
    # References lead into the whole description.
    checked = Draft202012Validator({**schema, "components": CONTRACT["components"]})
    told = json.loads(answer.content) if kind.endswith("json") else answer.content.decode()
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in checked.iter_errors(told)]


@pytest.mark.parametrize(("path", "verb", "responses"), OPERATIONS)
def test_every_answer_has_the_form_that_is_described(
    world: World, path: str, verb: str, responses: dict[str, Any]
) -> None:
    for name in ("alice", "vera", "mallory", "nobody"):
        answer = send(world, world.visitors[name], path, verb, MATRIX[path][verb])
        assert not faults_of(answer, responses), name


def test_what_departs_would_be_seen(world: World) -> None:
    path = "/api/v1/tenants/{tenant_id}"
    answer = send(world, world.visitors["alice"], path, "GET", MATRIX[path]["GET"])
    responses = CONTRACT["paths"][path]["get"]["responses"]
    assert not faults_of(answer, responses)
    answer.content = json.dumps({**answer.json(), "id": None}).encode()
    assert "$.id" in faults_of(answer, responses)[0]
    assert faults_of(answer, {}) == ["200 is not described"]
