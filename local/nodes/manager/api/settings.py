"""Settings (ossec.conf) of this manager and of its cluster's, their validation, and loading rules anew."""

import json
from collections.abc import Callable
from typing import Any

from local.nodes.manager.api.envelope import ApiError, items
from local.nodes.manager.api.ruleset import required_octets
from local.nodes.manager.cluster.master import Master
from local.nodes.manager.cluster.messages import ClusterError, LinkLost
from local.nodes.manager.ruleset import Ruleset
from local.nodes.manager.xml_files import BadFile, roots_of
from local.web.messages import Request, Response
from local.web.routing import Route

NOT_THERE = (1730, "Node does not exist")
LOADED = "Ruleset reload request sent successfully."

# (words of the refusal, or None; what was asked for)
Outcome = tuple[tuple[int, str] | None, Any]


class NodeSettings:
    """What can be asked of one manager, here or by its master."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset

    def show(self, _: str = "") -> Outcome:
        return None, self._ruleset.settings_file.read_text()

    def put(self, text: str) -> Outcome:
        file = self._ruleset.settings_file
        try:
            with self._ruleset.changing(file):
                roots_of(text)
                file.write_text(text)
                self._ruleset.read()
        except BadFile as error:
            return (1908, f"Error validating configuration: {error}"), None
        return None, LOADED

    def validate(self, _: str = "") -> Outcome:
        try:
            self._ruleset.read()
        except BadFile as error:
            return (1908, f"Error validating configuration: {error}"), None
        return None, "OK"

    def reload(self, _: str = "") -> Outcome:
        try:
            warnings = self._ruleset.reload()
        except BadFile as error:
            return (1914, f"Error reloading ruleset: {error}"), None
        return None, " ".join(warnings) or LOADED

    def answer(self, order: bytes) -> bytes:
        """An order of the master, as JSON `[what, text]`; the outcome as JSON. Raises KeyError for what is no order."""
        what, text = json.loads(order)
        return json.dumps(self.orders()[what](text)).encode()

    def orders(self) -> dict[str, Callable[[str], Outcome]]:
        return {"show": self.show, "put": self.put, "validate": self.validate, "reload": self.reload}


class SettingsCalls:
    """The calls about settings and about what is loaded."""

    def __init__(self, node: str, own: NodeSettings, master: Master | None) -> None:
        self._node, self._own, self._master = node, own, master

    def routes(self) -> list[Route]:
        return [
            ("GET", "/manager/configuration", self.show),
            ("PUT", "/manager/configuration", self.put),
            ("GET", "/manager/configuration/validation", self.validate_own),
            ("PUT", "/manager/analysisd/reload", self.reload_own),
            ("GET", "/cluster/configuration/validation", self.validate),
            ("PUT", "/cluster/analysisd/reload", self.reload),
            ("GET", "/cluster/ruleset/synchronization", self.synchronization),
            ("GET", "/cluster/{node}/configuration", self.show_of),
            ("PUT", "/cluster/{node}/configuration", self.put_of),
        ]

    async def show(self, request: Request) -> Response:
        return await self.show_of(request, self._node)

    async def show_of(self, request: Request, node: str) -> Response:
        if request.query.get("raw") != "true":
            raise ApiError(501, "This stand-in shows its settings with raw=true alone")
        refusal, text = await self._ask(node, "show")
        if refusal:
            return items([], "No configuration was returned", failed={node: refusal})
        return Response.of_text(text, content_type="application/xml; charset=utf-8")

    async def put(self, request: Request) -> Response:
        return await self.put_of(request, self._node)

    async def put_of(self, request: Request, node: str) -> Response:
        refusal, _ = await self._ask(node, "put", required_octets(request))
        if refusal:
            return items([], "Could not update configuration", failed={node: refusal})
        return items([node], "Configuration was successfully updated in specified node")

    async def validate_own(self, request: Request) -> Response:
        return await self._each([self._node], "validate", lambda node, said: {"name": node, "status": said})

    async def validate(self, request: Request) -> Response:
        return await self._each(self._asked(request), "validate", lambda node, said: {"name": node, "status": said})

    async def reload_own(self, request: Request) -> Response:
        return await self._each([self._node], "reload", lambda node, said: {"name": node, "msg": said})

    async def reload(self, request: Request) -> Response:
        return await self._each(self._asked(request), "reload", lambda node, said: {"name": node, "msg": said})

    async def synchronization(self, request: Request) -> Response:
        synced = {self._node: True, **(self._master.synced() if self._master else {})}
        rows = [{"name": name, "synced": state} for name, state in synced.items()]
        return items(rows, "Nodes ruleset synchronization status was read")

    def _asked(self, request: Request) -> list[str]:
        named = request.query.get("nodes_list")
        return named.split(",") if named else [self._node, *(self._master.workers if self._master else ())]

    async def _each(self, nodes: list[str], what: str, row: Callable[[str, Any], dict[str, Any]]) -> Response:
        rows, failed = [], {}
        for node in nodes:
            refusal, said = await self._ask(node, what)
            if refusal:
                failed[node] = refusal
            else:
                rows.append(row(node, said))
        return items(rows, "Validation is successful" if what == "validate" else "Reload request sent", failed=failed)

    async def _ask(self, node: str, what: str, text: str = "") -> Outcome:
        if node == self._node:
            return self._own.orders()[what](text)
        try:
            if self._master is None:
                raise KeyError(node)
            refusal, said = await self._master.ordered(node, what, text)
        except (KeyError, ClusterError, LinkLost):
            return NOT_THERE, None
        return (tuple(refusal), said) if refusal else (None, said)
