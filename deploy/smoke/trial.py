"""One throw-away tenant and what the claims find out with it."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.smoke.portal import Portal

SERVING = ("manager", "indexer", "dashboard")


class Skipped(Exception):
    """This trial can't be made; the text says what it would need."""


@dataclass
class Trial:
    """Args: organization: owns the tenant; agent: name of a real agent, or none; patience: longest wait, in seconds."""

    portal: Portal
    organization: str
    agent: str = ""
    patience: float = 1200.0
    name: str = field(default_factory=lambda: f"Smoke test {secrets.token_hex(4)}")
    tenant: str = ""
    edge: str = ""
    operation: dict[str, Any] = field(default_factory=dict)
    enrolled: dict[str, Any] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        """The tenant as the portal shows it."""
        if not self.tenant:
            raise Skipped("there is no tenant: it was not made")
        found: dict[str, Any] = self.portal.get(f"/tenants/{self.tenant}")
        return found

    def serving(self) -> list[dict[str, Any]]:
        """Its nodes but the one that mints certificates."""
        return [node for node in self.view()["nodes"] if node["role"] in SERVING]

    def command(self, path: str) -> dict[str, Any]:
        """Asks for something and waits until it is done."""
        asked = self.portal.post(f"/tenants/{self.tenant}{path}")
        done: dict[str, Any] = self.portal.succeeded(asked["operation"]["id"], self.patience)
        return done

    def events(self) -> list[dict[str, Any]]:
        """The tenant's event log."""
        access = self.portal.post(f"/tenants/{self.tenant}/events-token")
        headers = {"authorization": f"Bearer {access['token']}"}
        found: list[dict[str, Any]] = []
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as http:
            while True:
                after = found[-1]["seq"] if found else 0
                page = http.get(access["url"], params={"after": after, "limit": 500}).raise_for_status().json()
                if not page["events"]:
                    return found
                found += page["events"]

    def forget(self) -> None:
        """Deletes and erases the tenant, if one is left. Raises NotSo where that does not work."""
        named, left = {"confirm_name": self.name}, self.view() if self.tenant else {"status": "deleted"}
        if left["status"] == "deleted" or left.get("requested") == "deleted":
            return
        if left["status"] != "binned":
            self.portal.delete(f"/tenants/{self.tenant}", named)
        self.portal.post(f"/tenants/{self.tenant}/erase", named)
