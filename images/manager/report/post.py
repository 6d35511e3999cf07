"""HTTP as the reports need it: JSON out, JSON in, nothing remembered."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

SECONDS = 20

# No proxy: the names are intercepted where the container ends.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NotTaken(Exception):
    """There was no answer, or one that says: later."""


class Refused(Exception):
    """What was sent will never be taken."""


REFUSALS = (400, 413)


def call(method: str, url: str, *, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """The JSON that the other side answered. Raises NotTaken or Refused, naming no content."""
    content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
    sent = {"content-type": "application/json", **(headers or {})} if content is not None else dict(headers or {})
    request = urllib.request.Request(url, data=content, headers=sent, method=method)
    try:
        with _opener.open(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            kind = Refused if error.code in REFUSALS else NotTaken
        raise kind(f"{method} {url} answered {error.code}") from None
    except (OSError, ValueError) as error:
        raise NotTaken(f"{method} {url}: {error}") from None


def basic(user: str, password: str) -> dict[str, str]:
    """The header that names a user."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
