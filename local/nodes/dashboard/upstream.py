"""What the dashboard asks for: alerts from the indexer as the visitor, agents from the manager."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.nodes.host import Host
from local.web.client import Reply, RequestFailed, request

INDEXER_URL = "http://indexer.internal"
ALERTS = "wazuh-alerts-4.x-*"
PAGE_SIZE = 50
PASSED_ON = ("x-proxy-user", "x-proxy-roles", "x-forwarded-for")


class Unavailable(Exception):
    """The node behind does not answer as it should; the text is for the page."""


@dataclass(frozen=True)
class Search:
    """What a visitor looks for: words, the lowest level, how far back ("24h", empty: everything), and the page."""

    words: str = ""
    level: int = 0
    since: str = "24h"
    page: int = 0

    def query(self) -> dict[str, Any]:
        filters: list[dict[str, Any]] = [{"range": {"rule.level": {"gte": self.level}}}]
        if self.since:
            filters.append({"range": {"timestamp": {"gte": f"now-{self.since}"}}})
        if self.words:
            filters.append({"query_string": {"query": self.words, "default_operator": "AND"}})
        return {"bool": {"filter": filters}}


class Upstream:
    """Asks indexer and manager for one visitor; `identity` are the proxy headers that came with the request."""

    def __init__(self, host: Host, identity: Mapping[str, str]) -> None:
        self._host = host
        self._identity = {name: identity[name] for name in PASSED_ON if name in identity}

    async def enters_indexer(self) -> bool:
        """Whether the indexer lets the dashboard's own user in."""
        basic = {"authorization": self._basic("INDEXER")}
        try:
            await self._ask("indexer", "GET", f"{INDEXER_URL}/_cluster/health", basic)
        except Unavailable:
            return False
        return True

    async def alerts(self, search: Search) -> dict[str, Any]:
        """A page of alerts, newest first, with counts by level, rule and agent."""
        body = {
            "query": search.query(),
            "sort": [{"timestamp": {"order": "desc"}}],
            "size": PAGE_SIZE,
            "from": search.page * PAGE_SIZE,
            "aggs": {
                "levels": {"terms": {"field": "rule.level", "size": 20}},
                "rules": {"terms": {"field": "rule.description", "size": 5}},
                "agents": {"terms": {"field": "agent.name", "size": 5}},
            },
        }
        return await self._search(body)

    async def alert(self, id: str) -> dict[str, Any] | None:
        found = await self._search({"query": {"ids": {"values": [id]}}, "size": 1})
        return next(iter(found["hits"]["hits"]), None)

    async def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("indexer", "POST", f"{INDEXER_URL}/{ALERTS}/_search", self._identity, body)

    async def agents(self) -> list[dict[str, Any]]:
        """All agents of the manager but itself."""
        listed = await self.manager("GET", "/agents?limit=500&sort=%2Bid")
        if listed.status != 200:
            raise Unavailable(f"The manager answered {listed.status}.")
        rows = json.loads(listed.body)["data"]["affected_items"]
        return [agent for agent in rows if agent["id"] != "000"]

    async def manager(self, method: str, path: str, body: Any = None) -> Reply:
        """A call to the manager's API with the visitor's own rights, whatever it answers."""
        context = {"user_name": self._identity.get("x-proxy-user", ""), "backend_roles": self._roles()}
        basic = {"authorization": self._basic("API")}
        signed_in = await self._ask("manager", "POST", f"{self._api}/security/user/authenticate/run_as", basic, context)
        bearer = {"authorization": f"Bearer {signed_in['data']['token']}"}
        return await self._send("manager", method, self._api + path, bearer, body)

    @property
    def _api(self) -> str:
        return self._host.environment.get("WAZUH_API_URL", "http://manager.internal")

    def _roles(self) -> list[str]:
        listed = self._identity.get("x-proxy-roles", "").split(",")
        return [role.strip() for role in listed if role.strip()]

    def _basic(self, whose: str) -> str:
        environment = self._host.environment
        credential = f"{environment.get(f'{whose}_USERNAME', '')}:{environment.get(f'{whose}_PASSWORD', '')}".encode()
        return "Basic " + base64.b64encode(credential).decode()

    async def _ask(self, node: str, method: str, url: str, headers: dict[str, str], body: Any = None) -> Any:
        reply = await self._send(node, method, url, headers, body)
        if reply.status == 400:
            raise Unavailable(f"The {node} could not read this search: {_reason(reply.body)}")
        if reply.status != 200:
            raise Unavailable(f"The {node} answered {reply.status}.")
        return json.loads(reply.body)

    async def _send(self, node: str, method: str, url: str, headers: dict[str, str], body: Any) -> Reply:
        typed = {} if body is None else {"content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        try:
            return await request(
                method, url, headers={**headers, **typed}, body=content, proxy=self._host.proxy, timeout=15
            )
        except RequestFailed as error:
            raise Unavailable(f"The {node} does not answer at the moment.") from error


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
