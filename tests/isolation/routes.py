"""Every route there is, from the code and from the contracts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

CONTRACTS = Path(__file__).parents[2] / "contracts"
VERBS = ("get", "post", "put", "patch", "delete")


def django_routes() -> set[str]:
    """Returns each address as a template such as ``/t/{tenant_id}/``; the admin site counts as one."""
    return {_template(route) for route in _walk(get_resolver(), "")}


def _walk(node: URLResolver, prefix: str) -> Iterator[str]:
    for pattern in node.url_patterns:
        route = prefix + str(pattern.pattern)
        if route == "admin/" or isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _walk(pattern, route)


def _template(route: str) -> str:
    if route.startswith("^api"):
        return "/api/…"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def portal_operations() -> set[tuple[str, str]]:
    """Returns (method, address) of every operation in the portal's contract."""
    contract = json.loads((CONTRACTS / "portal-api.json").read_text())
    return {
        (verb.upper(), path) for path, operations in contract["paths"].items() for verb in operations if verb in VERBS
    }
