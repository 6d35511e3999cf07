"""Backups are taken and restored while things die. Any of them may fail; none may leave a tenant stuck."""

import random
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from local.stack.handle import StackHandle

RESTORES = 0.5  # share, once a tenant has a backup


class Keeper:
    """One hand that backs up or restores one tenant after the other.

    Args:
        stack: what it runs on.
        tenants: ids to choose from.
        seed: repeats the same choices.
    """

    def __init__(self, stack: StackHandle, tenants: list[str], seed: int) -> None:
        self.stack, self.tenants = stack, tenants
        self.random = random.Random(seed)  # noqa: S311  (repeatable choices, no secret)
        self.made: dict[str, list[str]] = defaultdict(list)
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._work: Future[None] | None = None

    @property
    def backups(self) -> int:
        """How many were made."""
        return sum(map(len, self.made.values()))

    def act(self) -> None:
        """Begins the next piece of work, if the last is over."""
        if self._work is None or self._work.done():
            self._work = self._hand.submit(self._back_up_or_restore, self.random.choice(self.tenants))

    def finish(self) -> None:
        """Waits for the last piece of work."""
        self._hand.shutdown(wait=True)

    def _back_up_or_restore(self, tenant: str) -> None:
        kept = self.made[tenant]
        with suppress(
            RuntimeError
        ):  # the command ended with an error: another operation goes on, or something just died
            if kept and self.random.random() < RESTORES:
                self.stack.manage("edge_backup", "restore", "--tenant", tenant, "--backup", kept[-1])
            else:
                kept.append(self.stack.manage("edge_backup", "take", "--tenant", tenant))
