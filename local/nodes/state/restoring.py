"""Before the main process starts: fetch the latest archive and put it on the disk."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from local.nodes.host import Host
from local.nodes.state.door import Archive, NotRestored, NotSaved, StateDoor
from local.web.client import RequestFailed

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
PATIENCE = 120.0
"""Seconds for which the archive's store may not answer: detecting attacks matters more than what was counted before."""
TRIES = 3
"""How often an archive is fetched before it counts as unusable and the one before is asked for."""

# puts fetched files (below a directory) where the node keeps them; raises where it can't use them
Apply = Callable[[Path, Archive], Awaitable[None]]


async def restore(host: Host, apply: Apply) -> bool:
    """Whether the node starts from an archive; False: it starts empty. Without STATE_URL there is none."""
    url = host.environment.get("STATE_URL")
    if not url:
        return False
    door, end, pause = StateDoor(host, url), time.monotonic() + PATIENCE, FIRST_PAUSE
    failures: dict[int, int] = {}
    while time.monotonic() < end and not host.stopping.is_set():
        try:
            archive = await door.latest()
            if archive is None:
                return False
            if await _restored_from(host, door, archive, apply, failures):
                return True
        except (NotRestored, RequestFailed) as error:
            host.log("state could not be restored yet", reason=str(error), level="error")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
    host.log("starting without the state that was saved", level="error")
    return False


async def _restored_from(host: Host, door: StateDoor, archive: Archive, apply: Apply, failures: dict[int, int]) -> bool:
    fetched = Path(tempfile.mkdtemp(dir=host.disk))
    try:
        for file in archive.files:
            await door.fetch(file, fetched)
        await apply(fetched, archive)
    except NotSaved as error:  # the door did not answer
        raise NotRestored(str(error)) from error
    except NotRestored:
        raise
    except Exception as error:  # whatever is wrong with what was saved, the archive before it may be good
        failures[archive.number] = failures.get(archive.number, 0) + 1
        host.log("an archive can't be used", number=archive.number, reason=str(error), level="error")
        if failures[archive.number] >= TRIES:
            await door.tell("unusable", archive.number)
        return False
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    await door.tell("restored", archive.number)
    host.log("state restored", number=archive.number)
    return True
