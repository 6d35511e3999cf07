"""
Batches of events that the manager took lately.

Whoever sent one and lost its answer sends it again, under the same id: the edge after a restart, or for an agent. The
manager itself would analyse it a second time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

REMEMBERED_SECONDS = 600.0
MOST = 50_000


class Taken:
    """Ids of batches; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at: OrderedDict[str, float] = OrderedDict()
        self._under_way: set[str] = set()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, batch: str) -> Iterator[bool]:
        """Waits until nobody else sends this batch, and says whether the manager has it."""
        with self._changed:
            while batch in self._under_way:
                self._changed.wait()
            self._under_way.add(batch)
        try:
            yield self._has(batch)
        finally:
            with self._changed:
                self._under_way.discard(batch)
                self._changed.notify_all()

    def note(self, batch: str) -> None:
        """The manager took it."""
        with self._changed:
            self._at[batch] = self._clock()
            self._at.move_to_end(batch)
            while len(self._at) > MOST:
                self._at.popitem(last=False)

    def _has(self, batch: str) -> bool:
        with self._changed:
            at = self._at.get(batch)
        return at is not None and self._clock() - at < REMEMBERED_SECONDS
