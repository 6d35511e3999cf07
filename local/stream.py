"""A reader of a tenant's event stream, with the scoped token that the portal hands out."""

import json
from collections.abc import AsyncIterator
from typing import Any

from local.portal_api import Json, PortalApi
from local.visitor import client


def replay(api: PortalApi, tenant: str, after: int = 0) -> list[Json]:
    """Every event after a sequence number, chunk after chunk."""
    access = api.post(f"/tenants/{tenant}/events-token")
    events: list[Json] = []
    with client(headers={"authorization": f"Bearer {access['token']}"}) as http:
        while True:
            chunk = http.get(access["url"], params={"after": after, "limit": 500}).raise_for_status().json()
            events += chunk["events"]
            after = chunk["next"]
            if not chunk["more"]:
                return events


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """The messages of a stream of Server-Sent Events; one that broke off is none.

    Each has the fields that were sent: `id`, `event`, and `data`, read as JSON.
    """
    fields: dict[str, Any] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if name:
            fields[name] = json.loads(value) if name == "data" else value
        elif fields:
            yield fields
            fields = {}
