"""
If-Match: what somebody else has changed since it was read is not changed over their head (RFC 9110, section 13.1.1).

An ETag stands for what people can change of a thing. What changes by itself, such as a tenant's nodes or a key's last
use, is no part of it: else a change would be refused because an agent connected.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from controlplane.problems import Malformed, Problem

HEADER = "If-Match"
CHANGING = frozenset({"PATCH", "PUT", "DELETE"})


class Changed(Problem):
    """The thing is not what the asker has read any more."""

    def __init__(self) -> None:
        super().__init__(
            "PRECONDITION_FAILED",
            status=412,
            title="Changed meanwhile",
            detail="Somebody has changed this since you read it. Nothing was changed.",
            hint="Read it again, decide anew, and send the ETag of that answer.",
            field=HEADER,
        )


def has_tag(view: Any) -> bool:
    """Whether an address answers an ETag: it can be read and changed. Args: view: a class, or one of its instances."""
    return hasattr(view, "get") and any(hasattr(view, verb.lower()) for verb in CHANGING)


def tag_of(data: Mapping[str, Any], tagged: frozenset[str] | None) -> str:
    """The ETag of an answer. Args: tagged: the names in it that people can change, None where that is all of it."""
    told = data if tagged is None else {name: data[name] for name in tagged}
    content = json.dumps(told, sort_keys=True, cls=JSONEncoder)
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def demand(request: Request, tag: str) -> None:
    """Raises Changed where the tag is none of those that the request names."""
    named = [each.strip() for each in request.headers[HEADER].split(",")]
    if "*" not in named and tag not in named:
        raise Changed


def reader_of(view: Any) -> Callable[..., Response]:
    """
    What answers the thing that is to be changed. Raises Malformed where the address answers no ETag.

    The accident: a condition that is passed over in silence protects nobody.
    """
    if not has_tag(view):
        raise Malformed(
            f"This address answers no ETag, so that {HEADER} can't be met.",
            field=HEADER,
            hint=f"Leave {HEADER} out. Nothing was changed.",
        )
    reader: Callable[..., Response] = view.get
    return reader
