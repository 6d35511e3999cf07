"""
`/agents/upgrade` and `/agents/restart`: what a manager answers whose package repository is out of reach, as this one's
always is, and that has told its connected agents to restart, which those of this machine take no notice of.
"""

import time

from local.nodes.manager.api.envelope import bad_parameter, items
from local.nodes.manager.api.views import DISCONNECTED_AFTER, MANAGER_ID
from local.nodes.manager.registry import Registry
from local.web.messages import Request, Response
from local.web.routing import Route

NOT_THERE = (1701, "Agent does not exist")
IS_MANAGER = (1703, "Action not available for Manager (agent 000)")
NOT_ACTIVE = (1707, "Cannot send request, agent is not active")
# 1810 and the number that the upgrade module, or the task manager, gives the failure
NO_TASK = (1813, "No task in DB")
NO_REPOSITORY = (1822, "The repository is not reachable")


class UpgradeCalls:
    """The calls that upgrade and restart agents."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        return [
            ("PUT", "/agents/upgrade", self.upgrade),
            ("GET", "/agents/upgrade_result", self.result),
            ("PUT", "/agents/restart", self.restart),
        ]

    async def restart(self, request: Request) -> Response:
        asked = self._asked(request)
        failed = {id: why for id in asked if (why := self._against(id))}
        told = [id for id in asked if id not in failed]
        words = (
            "Restart command was sent to all agents" if not failed else "Restart command was not sent to some agents"
        )
        return items(told, words, failed=failed)

    async def upgrade(self, request: Request) -> Response:
        if not request.query.get("agents_list"):
            raise bad_parameter("agents_list", "Missing query parameter 'agents_list'")
        failed = {id: self._against(id) or NO_REPOSITORY for id in self._asked(request)}
        return items([], "No upgrade task was created", failed=failed)

    async def result(self, request: Request) -> Response:
        failed = {id: NO_TASK if self._registry.find(id) else NOT_THERE for id in self._asked(request)}
        return items([], "No upgrade task was returned", failed=failed)

    def _asked(self, request: Request) -> list[str]:
        listed = request.query.get("agents_list", "all")
        return [agent.id for agent in self._registry.all()] if listed == "all" else listed.split(",")

    def _against(self, id: str) -> tuple[int, str] | None:
        """Why nothing can be sent to this agent."""
        agent = self._registry.find(id)
        if agent is None:
            return IS_MANAGER if id == MANAGER_ID else NOT_THERE
        return None if agent.status(time.time(), DISCONNECTED_AFTER) == "active" else NOT_ACTIVE
