"""`python -m local.agent`: enrolls once, then reports until its standard input ends or it is told to stop."""

import argparse
import asyncio
import contextlib
import os
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from local.agent.agent import Agent, Lines
from local.agent.connector import Connector
from local.agent.identity import Refused, remembered
from local.agent.lines import following, working_day


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.agent", description=__doc__)
    parser.add_argument("--edge", required=True, help="address of the edge")
    parser.add_argument("--token-file", type=Path, required=True, help="file that holds the enrollment token")
    parser.add_argument("--name", required=True, help="name of the agent")
    parser.add_argument("--state", type=Path, required=True, help="folder for its identity")
    parser.add_argument("--log-file", type=Path, help="report the lines of this file; without it a made-up working day")
    return parser.parse_args()


async def live(options: argparse.Namespace) -> None:
    identity = remembered(options.state, options.edge, options.token_file, options.name)
    lines = following(options.log_file) if options.log_file else working_day()
    connector = Connector(identity)

    def tell(text: str) -> None:
        print(text, connector.refusal, flush=True)

    async with connector.listening() as port:
        queue: Lines = asyncio.Queue(100)
        work = asyncio.gather(_feed(lines, queue), Agent(identity, port, tell).run(queue))
        either: list[asyncio.Future[Any]] = [work, asyncio.create_task(_told_to_stop().wait())]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        # The agent hangs up first: the connector waits for its connections to end.
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def _told_to_stop() -> asyncio.Event:
    """Is set by a signal, or by the end of the standard input where that is a pipe."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, _at_end_of_input, stopped)
    return stopped


def _at_end_of_input(stopped: asyncio.Event) -> None:
    if not os.read(0, 1024):
        asyncio.get_running_loop().remove_reader(0)
        stopped.set()


async def _feed(lines: AsyncIterator[tuple[str, str]], queue: Lines) -> None:
    async for line in lines:
        await queue.put(line)


def main() -> None:
    options = arguments()
    try:
        asyncio.run(live(options))
    except Refused as refusal:
        raise SystemExit(f"Enrollment refused. {refusal}") from None


if __name__ == "__main__":
    main()
