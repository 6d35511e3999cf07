"""`python -m local.engine --socket PATH --root DIR [--shared]`: runs the stand-in engine until its stdin ends."""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from pathlib import Path

from local.engine.api import DockerApi
from local.engine.containers import Containers
from local.engine.ingress import Sidecar
from local.engine.runners import ProcessRunner, SharedRunner
from local.engine.snapshots import Snapshots
from local.web.server import Listener, serve_stream

CLOSE_DEADLINE = 10.0


def main(sidecar: type[Sidecar] = Sidecar) -> int:
    """Runs until it is told to end. `sidecar` is the door of each node; a bench has one of its own."""
    arguments = parse_arguments()
    root = arguments.root.resolve()
    # No container outlives its engine, so what lies here is what a killed engine could not remove.
    shutil.rmtree(root / "containers", ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    runner = SharedRunner() if arguments.shared else ProcessRunner()
    return asyncio.run(serve(arguments.socket, root, runner, sidecar))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.engine", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--root", type=Path, required=True, help="directory for the containers' disks and snapshots")
    parser.add_argument("--shared", action="store_true", help="play many nodes in one process (for scale runs)")
    return parser.parse_args()


async def serve(
    socket_path: Path, root: Path, runner: ProcessRunner | SharedRunner, sidecar: type[Sidecar] = Sidecar
) -> int:
    """Serves until stdin ends, a signal comes, or the zygote is lost (exit code 1); then removes every container."""
    ending: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(code: int) -> None:
        if not ending.done():
            ending.set_result(code)

    _end_on_signal_or_stdin(end)
    if isinstance(runner, ProcessRunner):
        await runner.listen(zygote_lost=lambda: end(1))
    containers = Containers(root / "containers", runner, sidecar)
    listener = await listen(socket_path, DockerApi(containers, Snapshots(root / "images", containers), runner.mode))
    print(f"ready {socket_path} ({runner.mode})", flush=True)
    code = await ending
    await listener.close()
    await _close(containers, runner, orderly=code == 0)
    socket_path.unlink(missing_ok=True)
    shutil.rmtree(root / "containers", ignore_errors=True)
    return code


def _end_on_signal_or_stdin(end: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)
    threading.Thread(target=_wait_for_stdin, args=(loop, end), daemon=True).start()


async def _close(containers: Containers, runner: ProcessRunner | SharedRunner, *, orderly: bool) -> None:
    """Ends every container; without a zygote (not `orderly`) nobody would report their ends."""
    if orderly:
        with contextlib.suppress(TimeoutError):  # the zygote ends what is left, even where a report was lost
            await asyncio.wait_for(containers.close(), CLOSE_DEADLINE)
    await runner.close()


async def listen(socket_path: Path, api: DockerApi) -> Listener:
    """Opens the socket for this user alone."""

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        await serve_stream(reader, writer, api.handle, server_name="garrison-stand-in-engine")

    socket_path.unlink(missing_ok=True)
    listener = Listener()
    await listener.open_unix(connected, str(socket_path))
    socket_path.chmod(0o600)
    return listener


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(end, 0)


if __name__ == "__main__":
    raise SystemExit(main())
