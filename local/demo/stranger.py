"""What a stranger tries with everything that is rightly theirs: every door of another organization's tenant."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.agent.identity import Identity, Refused, enroll
from local.portal_api import PortalApi
from local.stack.layout import Layout
from local.visitor import Visitor, client

REFUSALS = (401, 403, 404)
UPGRADE = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "c3RyYW5nZXIgaGVyZSAxMg==",
}


@dataclass
class Door:
    """One request of the stranger's; `name` is for people."""

    name: str
    method: str
    address: str
    headers: dict[str, str]


class Stranger:
    """The owner of another organization with a tenant of its own.

    Args:
        layout: the stack.
        visitor: signed in to the portal, with the dashboard of the own tenant open.
        api: of the own organization.
        own: id of the own tenant.
    """

    def __init__(self, layout: Layout, visitor: Visitor, api: PortalApi, own: str) -> None:
        self.layout, self.visitor, self.api, self.own = layout, visitor, api, own
        self.enrollment_token = api.enrollment_token(own, "Own")
        self.agent = enroll(layout.edge, self.enrollment_token, "stranger-01")

    def doors_that_open(self, tenant: str) -> list[str]:
        """The doors of the foreign tenant that did not refuse, each with its status. None is right."""
        with client() as http:
            tried = [
                (door, http.request(door.method, door.address, headers=door.headers).status_code)
                for door in self._doors(tenant)
            ]
        return [f"{door.name} answered {status}" for door, status in tried if status not in REFUSALS]

    def agent_came_in(self, tenant: str) -> bool:
        """Whether the own token, rewritten to name the foreign tenant, enrolls there."""
        forged = self.enrollment_token.replace(self.own, tenant)
        try:
            enroll(self.layout.edge, forged, "stranger-02")
        except Refused:
            return False
        return True

    def _doors(self, tenant: str) -> Iterator[Door]:
        key = {"authorization": str(self.api.http.headers["authorization"])}
        stream = {"authorization": f"Bearer {self.api.post(f'/tenants/{self.own}/events-token')['token']}"}
        address, edge = f"{self.layout.portal}/api/v1/tenants/{tenant}", self.layout.edge
        yield Door("tenant", "GET", address, key)
        for method, name in (("GET", "tokens"), ("GET", "agents"), ("POST", "stop"), ("POST", "dashboard")):
            yield Door(name, method, f"{address}/{name}", key)
        yield Door("stream credential", "POST", f"{address}/events-token", key)
        yield Door("edge", "GET", f"{edge}/v1/tenants/{tenant}", stream)
        yield Door("tunnel", "GET", f"{edge}/agents/{tenant}/1514", UPGRADE | _connector(self.agent))
        dashboard = f"http://{tenant}.{self.layout.dashboard_zone}/dashboard/"
        yield Door("dashboard", "GET", dashboard, {"cookie": self._dashboard_cookie()})

    def _dashboard_cookie(self) -> str:
        """The session of the own dashboard; a browser would not send it there, a thief does."""
        sessions = [cookie for cookie in self.visitor.http.cookies.jar if cookie.domain.startswith(self.own)]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sessions)


def _connector(agent: Identity) -> dict[str, str]:
    return {"cf-access-client-id": agent.connector_id, "cf-access-client-secret": agent.connector_secret}
