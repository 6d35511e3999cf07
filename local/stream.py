"""A reader of a tenant's event stream, with the scoped token that the portal hands out."""

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
