"""The edge in memory in bad weather: calls fail before or after their effect, copies come late, the feed is askew."""

import copy
import json
from collections import Counter
from typing import Any

import httpx

from tests.tenants.edge import FakeEdge, refusal


class Crash(BaseException):
    """The process ends here: nothing after it happens, and what was not committed did not."""


def _broken(request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, text="<html>Something between us failed.</html>")


def _raises(failure: type[BaseException]) -> Any:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure("in the weather")

    return fail


BEFORE = {
    "refused": _raises(httpx.ConnectError),
    "cut": _raises(httpx.ReadTimeout),
    "busy": lambda request: refusal(503, "OVERLOADED", retryable=True),
    "broken before": _broken,
    "crash before": _raises(Crash),
}
AFTER = {
    "lost": _raises(httpx.ReadTimeout),
    "broken after": _broken,
    "crash after": _raises(Crash),
}
WEATHER = ["fair", "twice", *BEFORE, *AFTER]
FEEDS = ["whole", "reversed", "from the beginning"]


class StormyEdge(FakeEdge):
    """
    Answers as its weather says, one mood a call about a tenant.

    `effects` counts by operation how often a call changed something, `sent` is every call that might, and `feed` says
    how changes are told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weather: list[str] = []
        self.feed = "whole"
        self.effects: Counter[str] = Counter()
        self.sent: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        if "/v1/tenants/" not in request.url.path:
            return super().handle(request)
        mood = self.weather.pop(0) if self.weather else "fair"
        if mood in BEFORE:
            return BEFORE[mood](request)
        answer = self.serve(request)
        if mood == "twice":
            answer = self.serve(request)
        return AFTER[mood](request) if mood in AFTER else answer

    def serve(self, request: httpx.Request) -> httpx.Response:
        """Answer a call, or a copy of it that comes late, and count what it changed."""
        tenant_id = request.url.path.removeprefix("/v1/tenants/")
        before = self.bodies.get(tenant_id)
        answer = super().handle(request)
        if request.method != "GET":
            self.sent.append(request)
        if self.bodies.get(tenant_id) != before:
            self.effects[json.loads(request.content)["operation_id"]] += 1
        return answer

    def state_of(self, tenant_id: str) -> Any:
        """What a backup of the tenant's object holds."""
        return copy.deepcopy((self.views.get(tenant_id), self.bodies.get(tenant_id)))

    def set_back(self, tenant_id: str, state: Any) -> None:
        """The tenant's object is what it was, and the feed, which was set back with it, begins a new epoch."""
        for held, before in zip((self.views, self.bodies), copy.deepcopy(state), strict=True):
            held.pop(tenant_id, None)
            if before is not None:
                held[tenant_id] = before
        self.effects.clear()
        self.begin_feed_anew()

    def begin_feed_anew(self) -> None:
        self.feed_epoch, self.changes = f"{self.feed_epoch}'", []

    def _changes(self, *, body: Any, query: dict[str, str]) -> httpx.Response:
        after = "0" if self.feed == "from the beginning" else query["after"]
        answer = super()._changes(body=body, query={**query, "after": after})
        told = answer.json()
        if self.feed == "reversed":
            told["changes"].reverse()
        return httpx.Response(200, json=told)
