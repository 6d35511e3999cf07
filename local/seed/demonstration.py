"""Makes the demonstration at the first start, and brings its agents back at later ones."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

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
PAUSES_SECONDS = (1, 2, 4, 8, 16)


def users(portal: str, connection: str) -> list[User]:
    """Who can sign in, and how. Args: connection: id of the SAML connection, whose page is Kestrel's way in."""
    oidc = f"{portal}/sign-in/, “Continue with your Garrison account”, Maria Okafor"
    saml = f"{portal}/sso/{connection}/, Jonas Kestrel (SAML)"
    return [User(MSP_OWNER, MSP, "owner", oidc), User(SAML_OWNER, SAML_ORGANIZATION, "owner", saml)]


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
        known = await asyncio.to_thread(self._sign_up, self.folder / "people.json")
        self.description.users = users(self.layout.portal, known["connection"])
        self.description.api_key = known["api_key"]
        self.msp = known["msp"]
        self.api = PortalApi(self.layout.portal, known["api_key"])

    async def tenants(self) -> None:
        """Brings each client into its state; one that fails does not keep the others from it."""
        await asyncio.gather(*(self._safely(client) for client in CLIENTS))

    def _sign_up(self, kept: Path) -> dict[str, str]:
        """Each step is kept as soon as it is done, so that an interrupted first start goes on where it was."""
        known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
        steps = {
            "marked": self._mark,
            "msp": self._found_msp,
            "connection": self._found_by_saml,
            "api_key": self._make_key,
        }
        for name, make in steps.items():
            if name not in known:
                known[name] = make(known)
                write_private(kept, json.dumps(known))
        return known

    def _mark(self, known: dict[str, str]) -> str:
        """Production refuses a database with this mark, whatever is made in it afterwards."""
        return StackHandle(self.layout).manage("mark_seeded") or "marked"

    def _found_msp(self, known: dict[str, str]) -> str:
        with Visitor(self.layout.portal) as maria:
            return sign_up_with_oidc(maria, MSP_OWNER, MSP, kind="msp")

    def _found_by_saml(self, known: dict[str, str]) -> str:
        with Visitor(self.layout.portal) as jonas:
            return sign_up_with_saml(jonas, self.layout, SAML_OWNER, SAML_ORGANIZATION)[1]

    def _make_key(self, known: dict[str, str]) -> str:
        stack = StackHandle(self.layout)
        return stack.manage("create_api_key", "--organization", known["msp"], "--owner", MSP_OWNER)

    async def _safely(self, client: Client) -> None:
        try:
            await self._stubbornly(client)
        except (ApiRefused, NotInTime, httpx.TransportError) as problem:
            self.tell(f"Demonstration: {client.name} is not as meant ({client.state}): {problem}")

    async def _stubbornly(self, client: Client) -> None:
        for pause in PAUSES_SECONDS:
            with contextlib.suppress(httpx.TransportError):  # the portal is being started again
                await self._bring(client)
                return
            await asyncio.sleep(pause)
        await self._bring(client)

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
            stop = self.api.post(f"/tenants/{tenant}/stop", key=f"stop-{client.slug}")
            self.api.succeeded(stop["operation"]["id"])
        return {"tenant": tenant, **self._tokens(client, tenant)}

    def _tokens(self, client: Client, tenant: str) -> dict[str, str]:
        if not client.agents:
            return {}
        wish = {"name": "Servers", "max_uses": 10, "groups": ["default"], "labels": {"site": "head office"}}
        return {"token": self.api.post(f"/tenants/{tenant}/tokens", wish, key=f"token-{client.slug}")["secret"]}

    def _start_agents(self, client: Client, made: dict[str, Any]) -> None:
        for name in client.agents:
            folder = self.folder / name
            folder.mkdir(exist_ok=True)
            token = folder / "token"
            if not token.exists():
                write_private(token, made["token"])
            self.supervisor.add(self._agent(name, folder, token))

    def _agent(self, name: str, folder: Path, token: Path) -> Part:
        where = ("--edge", self.layout.edge, "--token-file", str(token), "--name", name, "--state", str(folder))
        argv = (sys.executable, "-m", "local.agent", *where)
        return Part(f"agent-{name}", argv, says="connected agent=", after=("edge",), seconds=600, essential=False)

    async def _silence(self, client: Client, tenant: str) -> None:
        for name in client.agents:
            await self.supervisor.running[f"agent-{name}"].ready.wait()
        await asyncio.to_thread(self._seen, tenant)
        for name in client.agents:
            await self.supervisor.end_part(f"agent-{name}")

    def _seen(self, tenant: str) -> None:
        """The portal has seen the agent alive before it falls silent."""
        self.api.wait_until(f"/tenants/{tenant}/agents", lambda page: any(a["last_seen_at"] for a in page["results"]))
