"""Reads JSON bodies, and refuses what JSON allows but nothing here can mean."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from controlplane.hygiene import refuse_number, refuse_text
from controlplane.problems import Malformed

DEEPEST = 32


class StrictJSONParser(BaseParser):
    """JSON in UTF-8 with one object at the top; no NaN, no name twice, no NUL, no lone surrogate, 64-bit numbers."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Returns the body. Raises: Malformed, naming the field where there is one."""
        try:
            value = json.loads(
                stream.read().decode(),
                parse_constant=_refuse_constant,
                object_pairs_hook=_object,
                parse_int=_number,
                parse_float=_finite,
            )
        except UnicodeDecodeError as error:
            raise Malformed("The body is not UTF-8.") from error
        except RecursionError as error:
            raise Malformed("The body is nested too deeply.") from error
        except ValueError as error:
            raise Malformed(f"The body is no JSON: {error}.") from error
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        _check(value, "body", 0)
        return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> int:
    # Thousands of digits would take long to convert, only to be refused.
    if len(text) > 20:
        raise Malformed("A number is outside the range of 64 bits.")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("A number is outside the range of 64 bits.")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object names a member twice")
    return value


def _check(value: Any, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise Malformed("The body is nested too deeply.", field=where)
    if isinstance(value, str):
        refuse_text(value, where)
    elif isinstance(value, int):
        refuse_number(value, where)
    elif isinstance(value, dict):
        for name, item in value.items():
            refuse_text(name, where)
            _check(item, name if where == "body" else f"{where}.{name}", depth + 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check(item, f"{where}.{position}", depth + 1)
