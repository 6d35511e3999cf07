"""Readers that follow the tenants' event streams while things die, and keep whatever they were given."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Self

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from local.portal_api import ApiRefused, Json, PortalApi
from local.stack.handle import NotInTime, wait_for
from local.stream import messages

SILENCE_SECONDS = 30.0  # the edge gives a sign of life more often than this
PAUSE_SECONDS = 0.3  # before a reader comes back
CATCH_UP_SECONDS = 60.0
# How a connection ends, or does not come about, when something just died.
BROKEN = (httpx.HTTPError, WebSocketException, OSError, TimeoutError, ApiRefused)


@dataclass
class Follower:
    """One reader of one stream. It comes back with the last number it was given, as docs/events.md asks of readers.

    Args:
        api: of the tenant's organization.
        tenant: its id.
        door: how it follows, a name of `DOORS`.

    `given` are all events in the order in which they came; `connections` counts how often it was let in.
    """

    api: PortalApi
    tenant: str
    door: str
    given: list[Json] = field(default_factory=list)
    position: int = 0
    connections: int = 0
    access: Json | None = None

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await DOORS[self.door](self, self.access or await self._admission())
            except BROKEN as reason:
                if _is_refused(reason):
                    self.access = None
            await asyncio.sleep(PAUSE_SECONDS)

    async def _admission(self) -> Json:
        self.access = await asyncio.to_thread(self.api.post, f"/tenants/{self.tenant}/events-token")
        return self.access

    async def by_websocket(self, access: Json) -> None:
        url = f"{access['url'].replace('http', 'ws', 1)}?after={self.position}"
        names = ["events.v1", f"bearer.{access['token']}"]
        async with connect(url, subprotocols=names, ping_interval=None, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
            self.connections += 1
            async for frame in socket:
                page = json.loads(frame)
                self._take(page["events"], page["next"])

    async def by_sse(self, access: Json) -> None:
        headers = {
            "authorization": f"Bearer {access['token']}",
            "accept": "text/event-stream",
            "last-event-id": str(self.position),
        }
        async with (
            httpx.AsyncClient(timeout=SILENCE_SECONDS) as http,
            http.stream("GET", access["url"], headers=headers) as answer,
        ):
            answer.raise_for_status()
            self.connections += 1
            async for message in messages(answer.aiter_lines()):
                if "id" in message:
                    self._take(message.get("data", {}).get("events", []), int(message["id"]))

    def _take(self, events: list[Json], position: int) -> None:
        self.given += events
        self.position = position


DOORS: dict[str, Callable[[Follower, Json], Awaitable[None]]] = {
    "WebSocket": Follower.by_websocket,
    "SSE": Follower.by_sse,
}


def _is_refused(reason: Exception) -> bool:
    """Whether the credential was; a tenant of which the edge has not heard yet refuses as well."""
    return (isinstance(reason, InvalidStatus) and reason.response.status_code == 401) or (
        isinstance(reason, httpx.HTTPStatusError) and reason.response.status_code == 401
    )


class Followers:
    """Followers of every tenant by every door, at work while the context is open.

    Args:
        api: of the tenants' organization.
        tenants: ids.
    """

    def __init__(self, api: PortalApi, tenants: Iterable[str]) -> None:
        self.all = [Follower(api, tenant, door) for tenant in tenants for door in DOORS]
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="followers")
        self._work: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._work = [asyncio.run_coroutine_threadsafe(follower.follow(), self._loop) for follower in self.all]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def of(self, tenant: str) -> list[Follower]:
        return [follower for follower in self.all if follower.tenant == tenant]

    def catch_up(self, tenant: str, position: int) -> None:
        """Waits until a tenant's followers were told of everything up to a number; one that never is lacks events."""
        with suppress(NotInTime):
            wait_for(lambda: all(each.position >= position for each in self.of(tenant)), tenant, CATCH_UP_SECONDS)

    async def _end(self) -> None:
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        ends = await asyncio.gather(*others, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
