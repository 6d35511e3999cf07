"""Before the main process starts: fetch the latest archive and put it on the disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from node_state.door import Archive, Door, NotRestored, StateFile, Unusable
from node_state.log import say

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
TRIES = 3
"""How often an archive is fetched before it counts as unusable and the one before is asked for."""

# brings a file of the archive to a private folder
Fetch = Callable[[StateFile], Path]
# puts an archive where the node keeps its state; raises Unusable, or OSError where that is not the archive's fault
Apply = Callable[[Archive, Fetch], None]


def restore(door: Door, apply: Apply, patience: float) -> bool:
    """Whether the node starts from an archive; False: it starts empty. `patience`: seconds, for a silent store."""
    end, pause, tries = time.monotonic() + patience, FIRST_PAUSE, Tries(door, apply)
    while time.monotonic() < end:
        try:
            archive = door.latest()
            if archive is None:
                say("there is no state to start from")
                return False
            if tries.restored_from(archive):
                return True
            time.sleep(FIRST_PAUSE)
        except (NotRestored, OSError) as error:
            say(f"state could not be restored yet: {error}", "error")
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
    say("starting without the state that was saved", "error")
    return False


class Tries:
    """What became of each archive so far."""

    def __init__(self, door: Door, apply: Apply) -> None:
        self._door, self._apply = door, apply
        self._failures: dict[int, int] = {}
        self._in_place: int | None = None

    def restored_from(self, archive: Archive) -> bool:
        """Whether the archive is in place and the door knows it. Raises NotRestored or OSError: try again."""
        if self._in_place != archive.number and not self._is_put_in_place(archive):
            return False
        self._in_place = archive.number
        self._door.tell("restored", archive.number)
        say(f"state restored from archive {archive.number}")
        return True

    def _is_put_in_place(self, archive: Archive) -> bool:
        try:
            with tempfile.TemporaryDirectory(prefix="state-") as folder:
                self._apply(archive, lambda file: self._door.fetch(file, Path(folder)))
        except Unusable as error:
            failures = self._failures[archive.number] = self._failures.get(archive.number, 0) + 1
            say(f"archive {archive.number} can't be used: {error}", "error")
            if failures >= TRIES:
                self._door.tell("unusable", archive.number)
            return False
        return True
