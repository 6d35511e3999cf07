"""The examples of the API's description: of every operation, as the description says, and as it really answers."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from controlplane.api.examples import FILE
from tests.examples.recording import CONTRACT, JSON, operations, record_all
from tests.examples.scenes import SCENES, WITHOUT
from tests.isolation.world import World, world

pytestmark = pytest.mark.sqlite
__all__ = ["world"]

STALE = "run `make examples` and look at what has changed"


def kept() -> dict[str, Any]:
    """What is in the file now: recording writes it before anything is compared."""
    return json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def recorded(world: World) -> dict[str, Any]:
    examples = record_all(world)
    if os.environ.get("RECORD_EXAMPLES"):
        FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return examples


def faults(value: Any, content: dict[str, Any]) -> list[str]:
    checked = Draft202012Validator({**content[JSON]["schema"], "components": CONTRACT["components"]})
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in checked.iter_errors(value)]


def names_in(value: Any, at: str = "") -> Iterator[str]:
    """Where a value has what: the same for all rows of a list."""
    for name, each in value.items() if isinstance(value, dict) else ():
        yield f"{at}.{name}"
        yield from names_in(each, f"{at}.{name}")
    for each in value if isinstance(value, list) else ():
        yield from names_in(each, f"{at}[]")


def test_every_operation_has_an_example_or_a_reason_for_none() -> None:
    names = {name for name, _ in operations()}
    assert names - set(WITHOUT) == set(kept()), STALE
    assert (set(SCENES) | set(WITHOUT)) <= names, "a scene of no operation"


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_each_example_succeeds_and_has_the_form_that_is_described(name: str, operation: dict[str, Any]) -> None:
    if name in WITHOUT:
        return
    example = kept()[name]
    assert example["status"] < "300", example
    answered = operation["responses"][example["status"]].get("content", {})
    assert not (faults(example["answer"], answered) if JSON in answered else [])
    assert not (faults(example["request"], operation["requestBody"]["content"]) if "request" in example else [])


def test_what_is_recorded_now_has_the_names_of_what_is_kept(recorded: dict[str, Any]) -> None:
    now, then = ({name: set(names_in(each)) for name, each in every.items()} for every in (recorded, kept()))
    departing = [name for name in now if now[name] != then.get(name)]
    assert not departing, STALE


def test_no_example_holds_a_whole_secret() -> None:
    texts = list(_texts(kept()))
    for beginning in ("enr_", "api_", "scim_"):
        shown = [text for text in texts if text.startswith(beginning)]
        assert shown
        assert all(text.endswith("…") for text in shown)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)
