"""While the node runs: saves on a schedule, when woken, when the edge asks for it, and at the end."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from local.nodes.host import SERVER_NAME, Host
from local.nodes.state.door import NotSaved, StateDoor
from local.web.messages import Request, Response
from local.web.server import http_listener

STATE_PORT = 9199
EVERY_SECONDS = 240.0
"""Between saves; with a save's own time it stays below five minutes."""
TOGETHER_SECONDS = 0.3
"""Changes within this time are saved together: enrollments come in bursts."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# gathers the node's state in an empty directory: name in the archive -> file
Collect = Callable[[Path], dict[str, Path]]
# saves the node's state; the archive's number. Raises NotSaved
Save = Callable[[], Awaitable[int]]


def sending(host: Host, door: StateDoor, collect: Collect) -> Save:
    """Saves the files that `collect` gathers."""

    async def save() -> int:
        gathered = Path(tempfile.mkdtemp(dir=host.disk))
        try:
            return await door.save(collect(gathered))
        finally:
            shutil.rmtree(gathered, ignore_errors=True)

    return save


class Saver:
    """Saves one at a time. `on_schedule`: also by itself, not only when the edge asks."""

    def __init__(self, host: Host, save: Save, *, on_schedule: bool) -> None:
        self._host, self._save, self._on_schedule = host, save, on_schedule
        self._url = host.environment.get("STATE_URL")
        self._news = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def wake(self) -> None:
        """Something changed that should not wait for the schedule."""
        self._news.set()

    async def save(self) -> int:
        """Saves now; the archive's number. Raises NotSaved."""
        async with self._one_at_a_time:
            return await self._save()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[dict[int, int]]:
        """Takes orders to save while the context is open, and saves by itself; yields the port taken."""
        if not self._url:
            yield {}
            return
        async with http_listener(self._answer, server_name=SERVER_NAME) as port:
            schedule = asyncio.ensure_future(self._run()) if self._on_schedule else None
            try:
                yield {STATE_PORT: port}
            finally:
                if schedule:
                    schedule.cancel()
                    await asyncio.gather(schedule, return_exceptions=True)

    async def save_at_the_end(self) -> None:
        """The last save of a node that was asked to stop; it can't wait long."""
        if not self._url:
            return
        try:
            self._host.log("state saved at the end", number=await self.save())
        except NotSaved as error:
            self._host.log("state was not saved at the end", reason=str(error), level="error")

    async def _answer(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/save"):
            return Response.of_json({"error": "the only call is POST /save"}, 404)
        try:
            return Response.of_json({"number": await self.save()})
        except NotSaved as error:
            self._host.log("state was not saved", reason=str(error), level="error")
            return Response.of_json({"error": str(error)}, 503)

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._save_news()
                pause = FIRST_PAUSE
            except NotSaved as error:
                self._host.log("state was not saved", reason=str(error), level="error")
                self._news.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _save_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), EVERY_SECONDS)
        await asyncio.sleep(TOGETHER_SECONDS)
        self._news.clear()
        self._host.log("state saved", number=await self.save())
