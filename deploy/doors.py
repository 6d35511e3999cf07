"""The edge's doors, as the deployment and the smoke test knock at them."""

from dataclasses import dataclass
from typing import Any

import httpx

SECONDS = 15.0


class Shut(Exception):
    """A door did not open; the text says which and what it answered."""


@dataclass
class Address:
    """What `EdgeApi` needs to know of a cell."""

    id: str
    base_url: str


def readiness(edge: str) -> dict[str, Any]:
    """What `/readyz` says; `message` where it can't be asked."""
    try:
        answer = httpx.get(f"{edge}/readyz", timeout=SECONDS, trust_env=False, follow_redirects=False)
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {"message": f"no answer ({error})"}
    return found if isinstance(found, dict) else {"message": f"status {answer.status_code}"}


def tenants(cell: str, edge: str) -> int:
    """How many tenants the first page of the edge's list has, asked with the portal's own key. Raises Shut."""
    # The portal's code reads its environment when it is imported; a plan is printed without one.
    from controlplane.edge_keys import KeyNotHere
    from tenants.provisioning.edge_api import EdgeApi
    from tenants.provisioning.edge_errors import EdgeError

    try:
        return len(EdgeApi(Address(cell, edge)).list_tenants(after=None, limit=100)["tenants"])
    except (EdgeError, KeyNotHere, OSError, ValueError) as error:
        raise Shut(f"GET {edge}/v1/tenants: {error}") from error
