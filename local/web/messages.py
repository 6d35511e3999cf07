"""What the server hands to a handler and what a handler answers."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class BadRequest(Exception):
    """The request cannot be answered; the text says why and goes to the caller with status 400."""


@dataclass(frozen=True)
class Request:
    """One HTTP request with its whole body; header names are lower case, `peer` is the address it came from."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    peer: str = ""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last counts."""
        parameters = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parameters.items()}

    def json(self) -> Any:
        """The body as JSON; raises BadRequest where it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadRequest(f"The body is not valid JSON: {error}") from error


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Response":
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, body, {"content-type": "application/json; charset=utf-8", **(headers or {})})

    @classmethod
    def of_text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> "Response":
        return cls(status, text.encode(), {"content-type": content_type})


Handler = Callable[[Request], Awaitable[Response]]
