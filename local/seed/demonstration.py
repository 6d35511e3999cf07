"""Makes the demonstration at the first start, and brings its agents back at later ones."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.portal_api import ApiRefused, PortalApi
from local.seed.clients import CLIENTS, Client
from local.stack.description import Description, User
from local.stack.handle import NotInTime, StackHandle
from local.stack.keys import write_private
from local.stack.parts import Part
from local.stack.supervisor import Supervisor
from local.visitor import Visitor
from local.welcome import sign_up_with_oidc, sign_up_with_saml

MSP = "Northgate Security"
MSP_OWNER = "maria@northgate.example"
SAML_ORGANIZATION = "Kestrel Aerospace"
SAML_OWNER = "jonas@kestrel.example"


class Demonstration:
    """An MSP with six clients, and an organization with SAML, made through pages and API like anybody's.

    Args:
        description: filled with the users and the API key.
        supervisor: looks after the agents.
        tell: says on the terminal what was made.
    """

    def __init__(self, description: Description, supervisor: Supervisor, tell: Callable[[str], None]) -> None:
        self.description, self.supervisor, self.tell = description, supervisor, tell
        self.layout = description.layout
        self.folder = self.layout.root / "demonstration"

    async def people(self) -> None:
        """Signs the users up at the first start; later ones find them in the stack's folder."""
        self.folder.mkdir(exist_ok=True)
        kept = self.folder / "people.json"
        if not kept.exists():
            write_private(kept, json.dumps(await asyncio.to_thread(self._sign_up)))
        known = json.loads(kept.read_text())
        self.description.users = [User(**user) for user in known["users"]]
        self.description.api_key = known["api_key"]
        self.msp = known["msp"]
        self.api = PortalApi(self.layout.portal, known["api_key"])

    async def tenants(self) -> None:
        """Brings each client into its state; one that fails does not keep the others from it."""
        await asyncio.gather(*(self._safely(client) for client in CLIENTS))

    def _sign_up(self) -> dict[str, Any]:
        with Visitor(self.layout.portal) as maria:
            msp = sign_up_with_oidc(maria, MSP_OWNER, MSP, kind="msp")
        with Visitor(self.layout.portal) as jonas:
            sign_up_with_saml(jonas, self.layout, SAML_OWNER, SAML_ORGANIZATION)
        api_key = StackHandle(self.layout).manage("create_api_key", "--organization", msp, "--owner", MSP_OWNER)
        users = [
            User(MSP_OWNER, MSP, "owner", "OpenID Connect: choose Maria Okafor"),
            User(SAML_OWNER, SAML_ORGANIZATION, "owner", "SAML: choose Jonas Kestrel"),
        ]
        return {"msp": msp, "api_key": api_key, "users": [asdict(user) for user in users]}

    async def _safely(self, client: Client) -> None:
        try:
            await self._bring(client)
        except (ApiRefused, NotInTime) as problem:
            self.tell(f"Demonstration: {client.name} is not as meant ({client.state}): {problem}")

    async def _bring(self, client: Client) -> None:
        kept = self.folder / f"{client.slug}.json"
        if not kept.exists():
            write_private(kept, json.dumps(await asyncio.to_thread(self._make, client)))
            self.tell(f"Demonstration: {client.name}: {client.state}")
        made = json.loads(kept.read_text())
        if not (client.goes_silent and made.get("silent")):
            self._start_agents(client, made)
        if client.goes_silent and not made.get("silent"):
            await self._silence(client, made["tenant"])
            write_private(kept, json.dumps(made | {"silent": True}))

    def _make(self, client: Client) -> dict[str, Any]:
        organization = self.api.post(
            "/organizations", {"msp": self.msp, "name": client.name}, key=f"client-{client.slug}"
        )
        wish = {"organization": organization["id"], "name": "Production", **client.plan}
        asked = self.api.post("/tenants", wish, key=f"tenant-{client.slug}")
        tenant = asked["tenant"]["id"]
        if client.stopped or client.agents:
            self.api.succeeded(asked["operation"]["id"])
        if client.stopped:
            self.api.succeeded(self.api.post(f"/tenants/{tenant}/stop")["operation"]["id"])
        return {"tenant": tenant, **self._tokens(client, tenant)}

    def _tokens(self, client: Client, tenant: str) -> dict[str, str]:
        if not client.agents:
            return {}
        wish = {"name": "Servers", "max_uses": 10, "groups": ["default"], "labels": {"site": "head office"}}
        return {"token": self.api.post(f"/tenants/{tenant}/tokens", wish)["secret"]}

    def _start_agents(self, client: Client, made: dict[str, Any]) -> None:
        for name in client.agents:
            folder = self.folder / name
            folder.mkdir(exist_ok=True)
            token = folder / "token"
            if not token.exists():
                write_private(token, made["token"])
            self.supervisor.add(self._agent(name, folder, token))

    def _agent(self, name: str, folder: Path, token: Path) -> Part:
        log = self.layout.root / "logs" / f"agent-{name}.log"
        where = ("--edge", self.layout.edge, "--token-file", str(token), "--name", name, "--state", str(folder))
        argv = (sys.executable, "-m", "local.agent", *where)

        def connected() -> bool:
            return log.exists() and log.read_text().startswith("connected agent=")

        return Part(f"agent-{name}", argv, connected, after=("edge",), seconds=600)

    async def _silence(self, client: Client, tenant: str) -> None:
        for name in client.agents:
            await self.supervisor.running[f"agent-{name}"].ready.wait()
        await asyncio.to_thread(self._seen, tenant)
        for name in client.agents:
            await self.supervisor.end_part(f"agent-{name}")

    def _seen(self, tenant: str) -> None:
        """The portal has seen the agent alive before it falls silent."""
        self.api.wait_until(f"/tenants/{tenant}/agents", lambda page: any(a["last_seen_at"] for a in page["results"]))
