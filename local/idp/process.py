"""Runs a provider as a process: until stdin ends (its launcher is gone) or a signal comes."""

import asyncio
import os
import signal
import sys
import threading
from urllib.parse import parse_qs

from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes
from local.web.server import http_listener

SERVER_NAME = "garrison-stand-in-idp"


def run(routes: Routes, port: int) -> int:
    """Serves until the end; prints `ready http://localhost:PORT` once it listens. Returns the exit code."""
    return asyncio.run(_serve(routes, port))


def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form; of a repeated one the last counts."""
    try:
        fields = parse_qs(request.body.decode(), keep_blank_values=True)
    except UnicodeDecodeError as error:
        raise BadRequest("The form is not UTF-8.") from error
    return {name: values[-1] for name, values in fields.items()}


async def _serve(routes: Routes, port: int) -> int:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    threading.Thread(target=_wait_for_stdin, args=(loop, ending), daemon=True).start()

    async def answer(request: Request) -> Response:
        return await routes.answer(request, _refuse)

    async with http_listener(answer, server_name=SERVER_NAME, port=port) as taken:
        print(f"ready http://localhost:{taken}", flush=True)
        await ending.wait()
    return 0


def _refuse(status: int) -> Response:
    return Response.of_text("There is nothing here. This is a local stand-in identity provider.\n", status)


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    # The descriptor itself: Python's buffered stdin, held by a waiting thread, would abort the process at its end.
    while os.read(sys.stdin.fileno(), 4096):
        continue
    loop.call_soon_threadsafe(ending.set)
