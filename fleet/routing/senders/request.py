"""What a sender makes: one request, and how a notice's facts are put in words. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Content = Mapping[str, Any]
"""What a notice says: `what`, `alert`, `title`, `severity`, `client`, `tenant`, `agent`, `rule`, `link`, `at`."""

AS_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """A POST of JSON. The address may be a secret, so it stands in no message and no log."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def json_request(url: str, body: Mapping[str, Any], **headers: str) -> Request:
    """The request with a JSON body."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(url, encoded(body), {**AS_JSON, **told})


def encoded(body: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON body, which a signature is made over."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def facts(content: Content) -> list[tuple[str, str]]:
    """What is known of an alert, by name, without what is empty."""
    names = (("Severity", "severity"), ("Client", "client"), ("Tenant", "tenant"), ("Agent", "agent"), ("Rule", "rule"))
    return [
        (name, str(content[key]).capitalize() if key == "severity" else str(content[key]))
        for name, key in names
        if content.get(key)
    ]
