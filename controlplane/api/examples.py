"""Examples in the API's description: what was really sent and answered, as ``make examples`` recorded it."""

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings

FILE = settings.BASE_DIR / "contracts" / "portal-examples.json"


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: Any) -> dict[str, Any]:
    """Puts each operation's request and answer to the place in the description where readers look for them."""
    for name, example in json.loads(FILE.read_text()).items():
        verb, path = name.split(" ", 1)
        operation = result["paths"].get(path, {}).get(verb.lower(), {})
        for content, value in _places(operation, example):
            content["example"] = value
    return result


def _places(operation: dict[str, Any], example: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    answer = operation.get("responses", {}).get(example["status"], {})
    for part, value in (("request", operation.get("requestBody", {})), ("answer", answer)):
        content = value.get("content", {}).get("application/json")
        if content is not None and part in example:
            yield content, example[part]
