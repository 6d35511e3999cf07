"""`/agents`: listing, enrolling and removing through the API."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.nodes.host import Host
from local.nodes.manager.api.envelope import ApiError, bad_parameter, data, items, json_object
from local.nodes.manager.api.views import (
    DISCONNECTED_AFTER,
    MANAGER_ID,
    agent_view,
    is_synced,
    key_text,
    manager_view,
    page,
)
from local.nodes.manager.channel import AgentChannel
from local.nodes.manager.registry import Agent, Registry, RegistryError
from local.web.messages import Request, Response
from local.web.routing import Route

NOT_THERE = (1701, "Agent does not exist")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STATUSES = ("active", "disconnected", "never_connected", "pending")


@dataclass(frozen=True)
class NewAgent:
    """The body of a call that enrolls."""

    name: str
    id: str | None
    key: str | None
    ip: str
    force: bool

    @classmethod
    def of(cls, body: dict[str, Any]) -> "NewAgent":
        """Raises ApiError 400 where a field is no text."""
        given = {field: body[field] for field in ("name", "id", "key", "ip") if body.get(field) is not None}
        if "name" not in given:
            raise bad_parameter("name", "'name' is a required property")
        for field, value in given.items():
            if not isinstance(value, str):
                raise bad_parameter(field, f"'{value}' is not a 'string'")
        force, ip = body.get("force"), given.get("ip", "any")
        forced = isinstance(force, dict) and bool(force.get("enabled"))
        # the API's own description writes "ANY"
        return cls(given["name"], given.get("id"), given.get("key"), ip.lower(), forced)


def _seconds(interval: str) -> int:
    """A time as the API takes it, such as 7d, 10h, 5m or 30s. Raises ApiError 400."""
    if not interval[:-1].isascii() or not interval[:-1].isdigit() or interval[-1:] not in UNITS:
        raise bad_parameter("older_than", f"'{interval}' is not a 'timeframe'")
    return int(interval[:-1]) * UNITS[interval[-1]]


def heard_at(agent: Agent) -> float:
    """When an agent was last heard; when it was added, if it never was."""
    return agent.added_at if agent.last_keepalive is None else agent.last_keepalive


class AgentCalls:
    """The calls about agents."""

    def __init__(self, host: Host, registry: Registry, channel: AgentChannel) -> None:
        self._host, self._registry, self._channel = host, registry, channel
        self._started_at = time.time()

    def routes(self) -> list[Route]:
        return [
            ("GET", "/agents", self.listing),
            ("POST", "/agents", self.add),
            ("DELETE", "/agents", self.remove),
            ("POST", "/agents/insert", self.insert),
            ("GET", "/agents/summary/status", self.summary),
            ("GET", "/agents/{id}/key", self.key),
        ]

    async def listing(self, request: Request) -> Response:
        now = time.time()
        views = [manager_view(self._host.name, self._host.version, self._started_at)]
        views += [agent_view(agent, self._registry.shared, self._host.name, now) for agent in self._registry.all()]
        rows, total = page(views, request.query)
        failed = {id: NOT_THERE for id in self._asked(request) if id != MANAGER_ID and not self._registry.find(id)}
        message = "All selected agents information was returned" if rows or not failed else "No agent was returned"
        return items(rows, message, total=total, failed=failed)

    @staticmethod
    def _asked(request: Request) -> list[str]:
        listed = request.query.get("agents_list", "")
        return [] if listed in ("", "all") else listed.split(",")

    async def add(self, request: Request) -> Response:
        return self._enrolled(NewAgent.of({**json_object(request), "id": None, "key": None, "force": None}))

    async def insert(self, request: Request) -> Response:
        return self._enrolled(NewAgent.of(json_object(request)))

    def _enrolled(self, new: NewAgent) -> Response:
        old = self._replaceable(new.name, new.id) if new.force else []
        try:
            agent = self._registry.add(new.name, id=new.id, key=new.key, register_ip=new.ip, instead_of=old)
        except RegistryError as error:
            raise ApiError(400, error.reason, error.code) from error
        for replaced in old:
            self._channel.disconnect(replaced.id)
        return data({"id": agent.id, "key": key_text(agent)})

    def _replaceable(self, name: str, id: str | None) -> list[Agent]:
        """`force`: an agent of the same name or id gives way unless it is connected."""
        taken = (self._registry.named(name), self._registry.find(id or ""))
        return [agent for agent in taken if agent and agent.status(time.time(), DISCONNECTED_AFTER) != "active"]

    async def remove(self, request: Request) -> Response:
        if "agents_list" not in request.query or "status" not in request.query:
            raise bad_parameter("agents_list", "Missing query parameter 'agents_list' or 'status'")
        wanted = set(request.query["status"].split(","))
        heard_before = time.time() - _seconds(request.query.get("older_than", "7d"))
        asked = self._asked(request) or [agent.id for agent in self._registry.all()]
        removed, failed = [], {}
        for id in asked:
            agent = self._registry.find(id)
            if agent is None:
                failed[id] = NOT_THERE
            elif not wanted & {"all", agent.status(time.time(), DISCONNECTED_AFTER)} or heard_at(agent) > heard_before:
                failed[id] = (1731, "Agent is not eligible for the action to be performed")
            else:
                self._forget(agent)
                removed.append(id)
        message = "All selected agents were deleted" if not failed else "Some agents were not deleted"
        return items(removed, message, failed=failed)

    def _forget(self, agent: Agent) -> None:
        self._registry.remove(agent.id)
        self._channel.disconnect(agent.id)

    async def summary(self, request: Request) -> Response:
        now = time.time()
        agents = self._registry.all()
        counts = Counter(agent.status(now, DISCONNECTED_AFTER) for agent in agents)
        synced = sum(is_synced(agent, self._registry.shared) for agent in agents)
        connection = {status: counts[status] for status in STATUSES}
        configuration = {"synced": synced, "not_synced": len(agents) - synced, "total": len(agents)}
        return data({"connection": {**connection, "total": len(agents)}, "configuration": configuration})

    async def key(self, request: Request, id: str) -> Response:
        agent = self._registry.find(id)
        if agent is None:
            return items([], "No keys were obtained", failed={id: NOT_THERE})
        return items([{"id": id, "key": key_text(agent)}], "Obtained keys for all selected agents")
