"""`python -m local.stack`: starts the product on this machine and ends everything it started."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from local.seed import people
from local.seed.demonstration import Demonstration
from local.stack.description import Description
from local.stack.display import Display, display_for
from local.stack.layout import Layout, NoDocker
from local.stack.parts import table
from local.stack.supervisor import StackFailed, Supervisor

LONGEST_SOCKET_PATH = 103  # bytes: what macOS takes; Linux takes four more


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(".local"), help="folder for everything the stack writes")
    parser.add_argument("--no-seed", action="store_true", help="do not make the demonstration organizations")
    parser.add_argument("--any-ports", action="store_true", help="take free ports instead of the usual ones")
    parser.add_argument("--shared-nodes", action="store_true", help="one process plays many nodes (scale runs only)")
    parser.add_argument("--small-logs", action="store_true", help="events and journals go to the archive early")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input does, for scripts")
    return parser.parse_args()


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Two launchers over one folder would write into each other's databases."""
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"A stack already runs in {root}. End it first, or choose another --root.") from None
        yield


def refuse_what_cannot_run(layout: Layout) -> None:
    """Ends with one line that says what to do, before anything is started."""
    try:
        socket_path = layout.engine_socket
    except NoDocker as problem:
        raise SystemExit(str(problem)) from None
    if len(os.fsencode(socket_path)) > LONGEST_SOCKET_PATH:
        raise SystemExit(
            f"{socket_path} is too long for a Unix socket (at most {LONGEST_SOCKET_PATH} bytes). "
            "Nothing was started. Use a folder nearer to the root, or name one with --root."
        )


async def serve(layout: Layout, *, seed: bool, end_with_stdin: bool) -> None:
    """Runs the stack until a signal or a failure; leaves no process behind either way."""
    parts = table(layout, people.write(layout.root))
    display = display_for([part.name for part in parts])
    supervisor = Supervisor(parts, layout.root / "logs", display.part)
    description = Description(layout)
    stopped = _told_to_end(end_with_stdin=end_with_stdin)
    work = asyncio.create_task(run(supervisor, description, display, seed=seed))
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()
        waiting.cancel()
        display.close()
        display.line("Ending everything that was started …")
        await supervisor.stop()
        description.path.unlink(missing_ok=True)


def _told_to_end(*, end_with_stdin: bool) -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)

    def at_end_of_input() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stopped.set()

    if end_with_stdin:
        loop.add_reader(0, at_end_of_input)
    return stopped


async def run(supervisor: Supervisor, description: Description, display: Display, *, seed: bool) -> None:
    """Start, describe, seed, watch."""
    await supervisor.start()

    def write() -> None:
        description.pids, description.deaths = supervisor.pids(), supervisor.deaths()
        description.write()

    demonstration = Demonstration(description, supervisor, display.line) if seed else None
    if demonstration:
        await demonstration.people()
    supervisor.changed = write
    write()
    announce(description, display)
    watching = asyncio.create_task(supervisor.watch())
    if demonstration:
        done, _ = await asyncio.wait(
            [asyncio.create_task(demonstration.tenants()), watching], return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
    await watching


def announce(description: Description, display: Display) -> None:
    layout = description.layout
    display.line("")
    display.line(f"Portal      {layout.portal}")
    display.line(f"Edge        {layout.edge}   (agents, enrollment, events)")
    display.line(f"Dashboards  http://<tenant>.{layout.dashboard_zone}/dashboard/")
    display.line(f"Mail        {layout.mail}   (stand-in: shows every mail that the portal sends)")
    display.line(f"Names       {layout.dns}   (stand-in: publishes TXT records for domains and host names)")
    display.line(f"Nodes       {layout.nodes}")
    for user in description.users:
        display.line(f"Sign in     {user.email:<28} {user.role} of {user.organization}: {user.sign_in}")
    display.line(f"Details     {description.path}")
    display.line("Ready. Ctrl-C ends everything.")


def main() -> None:
    options = arguments()
    root = options.root.resolve()
    os.environ["GARRISON_STACK"] = str(root)  # on every process of the stack, so that one left over can be told
    with only_one(root):
        layout = Layout(
            root,
            usual_ports=not options.any_ports,
            shared_nodes=options.shared_nodes,
            small_logs=options.small_logs,
        )
        refuse_what_cannot_run(layout)
        try:
            asyncio.run(serve(layout, seed=not options.no_seed, end_with_stdin=options.end_with_stdin))
        except StackFailed as failure:
            print(failure, file=sys.stderr)
            raise SystemExit(1) from None


if __name__ == "__main__":
    main()
