"""`/groups` and the membership of agents in them."""

import re
import time
from xml.etree import ElementTree

from local.nodes.host import Host
from local.nodes.manager.api.envelope import ApiError, bad_parameter, done, items
from local.nodes.manager.api.views import agent_view, page
from local.nodes.manager.registry import DEFAULT_GROUP, Agent, Registry
from local.nodes.manager.shared_files import md5
from local.web.messages import Request, Response
from local.web.routing import Route

GROUP = re.compile(r"(?!(?:\.{1,2}|all)$)[A-Za-z0-9._-]{1,128}")
NO_GROUP = (1710, "The group does not exist")
NO_AGENT = (1701, "Agent does not exist")


class GroupCalls:
    """The calls about groups."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host, self._registry = host, registry

    def routes(self) -> list[Route]:
        return [
            ("GET", "/groups", self.listing),
            ("POST", "/groups", self.add),
            ("DELETE", "/groups", self.remove),
            ("GET", "/groups/{group}/agents", self.agents),
            ("PUT", "/groups/{group}/configuration", self.configure),
            ("PUT", "/agents/{id}/group/{group}", self.assign),
            ("DELETE", "/agents/{id}/group/{group}", self.unassign),
        ]

    def _members(self, group: str) -> list[Agent]:
        return [agent for agent in self._registry.all() if group in agent.groups]

    async def listing(self, request: Request) -> Response:
        asked = request.query.get("groups_list")
        wanted = asked.split(",") if asked else self._registry.groups()
        known = [group for group in wanted if group in self._registry.groups()]
        failed = {group: NO_GROUP for group in wanted if group not in known}
        shared = self._registry.shared
        rows = [
            {
                "name": group,
                "count": len(self._members(group)),
                "mergedSum": shared.sum([group]),
                "configSum": md5(shared.configuration(group).encode()),
            }
            for group in known
        ]
        return items(rows, "All selected groups information was returned", failed=failed)

    async def add(self, request: Request) -> Response:
        body = request.json()
        group = body.get("group_id") if isinstance(body, dict) else None
        if not isinstance(group, str) or not GROUP.fullmatch(group):
            raise bad_parameter("group_id", "not a group name: 1 to 128 of A-Z a-z 0-9 . _ -")
        if group in self._registry.groups():
            raise ApiError(400, f"The group already exists: {group}", 1711)
        self._registry.add_group(group)
        return done(f"Group '{group}' created")

    async def remove(self, request: Request) -> Response:
        removed, failed = [], {}
        for group in request.query.get("groups_list", "").split(","):
            if group == DEFAULT_GROUP:
                failed[group] = (1712, "Default group is not deletable")
            elif group not in self._registry.groups():
                failed[group] = NO_GROUP
            else:
                self._registry.remove_group(group)
                removed.append(group)
        message = "All selected groups were deleted" if not failed else "Some groups were not deleted"
        return items(removed, message, failed=failed)

    async def agents(self, request: Request, group: str) -> Response:
        if group not in self._registry.groups():
            raise ApiError(404, NO_GROUP[1], NO_GROUP[0])
        now = time.time()
        shared, name = self._registry.shared, self._host.name
        rows, total = page([agent_view(agent, shared, name, now) for agent in self._members(group)], request.query)
        return items(rows, "All selected agents information was returned", total=total)

    async def configure(self, request: Request, group: str) -> Response:
        """Takes the agent.conf of a group, as XML."""
        if group not in self._registry.groups():
            raise ApiError(404, NO_GROUP[1], NO_GROUP[0])
        if request.headers.get("content-type") != "application/xml":
            raise ApiError(415, "Invalid content-type", 6002)
        try:
            # a file may hold several roots; who calls has signed in
            ElementTree.fromstring(b"<root>" + request.body + b"</root>")  # noqa: S314
        except ElementTree.ParseError as error:
            raise ApiError(400, f"Wazuh syntax error: {error}", 1113) from error
        self._registry.configure_group(group, request.body.decode())
        return done("Agent configuration was successfully updated")

    async def assign(self, request: Request, id: str, group: str) -> Response:
        agent = self._registry.find(id)
        if agent is None:
            return items([], f"No agents were assigned to {group}", failed={id: NO_AGENT})
        if group not in self._registry.groups():
            return items([], f"No agents were assigned to {group}", failed={id: NO_GROUP})
        alone = request.query.get("force_single_group") == "true"
        self._registry.set_groups(agent, [group] if alone else [*(g for g in agent.groups if g != group), group])
        return items([id], f"All selected agents were assigned to {group}")

    async def unassign(self, request: Request, id: str, group: str) -> Response:
        agent = self._registry.find(id)
        if agent is None:
            return items([], f"No agents were removed from {group}", failed={id: NO_AGENT})
        if group not in agent.groups:
            return items([], f"No agents were removed from {group}", failed={id: (1734, "Agent is not in the group")})
        self._registry.set_groups(agent, [g for g in agent.groups if g != group] or [DEFAULT_GROUP])
        return items([id], f"All selected agents were removed from {group}")
