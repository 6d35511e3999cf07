"""Runs a stand-in as a process: until stdin ends (its launcher is gone) or a signal comes."""

import asyncio
import os
import signal
import sys
import threading
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from local.web.messages import Request, Response
from local.web.routing import Routes
from local.web.server import http_listener


def run(routes: Routes, port: int, *, what: str, beside: AbstractAsyncContextManager[Any] | None = None) -> int:
    """Serves until the end; prints `ready http://localhost:PORT` once it listens. Returns the exit code.

    Args:
        what: plays it, for the Server header and for who asks for what is not there, such as "identity provider".
        beside: what else runs as long as it does.
    """
    return asyncio.run(_serve(routes, port, what, beside or nullcontext()))


async def _serve(routes: Routes, port: int, what: str, beside: AbstractAsyncContextManager[Any]) -> int:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    threading.Thread(target=_wait_for_stdin, args=(loop, ending), daemon=True).start()

    def refuse(status: int) -> Response:
        return Response.of_text(f"There is nothing here. This is a local stand-in {what}.\n", status)

    async def answer(request: Request) -> Response:
        return await routes.answer(request, refuse)

    server_name = f"garrison-stand-in-{what.replace(' ', '-')}"
    async with beside, http_listener(answer, server_name=server_name, port=port) as taken:
        print(f"ready http://localhost:{taken}", flush=True)
        await ending.wait()
    return 0


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    # The descriptor itself: Python's buffered stdin, held by a waiting thread, would abort the process at its end.
    while os.read(sys.stdin.fileno(), 4096):
        continue
    loop.call_soon_threadsafe(ending.set)
