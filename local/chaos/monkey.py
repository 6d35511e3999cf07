"""Kills something at random: a part of the stack or a node of a tenant."""

import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import httpx

from local.stack import nodes
from local.stack.handle import StackHandle

PARTS = ("worker", "beat", "broker", "edge")
# The launcher gives a part up after five deaths in a minute; the monkey wants it to go on.
KILLS_A_MINUTE = 4
NODE_SHARE = 0.6


@dataclass
class Monkey:
    """Decides by its seed what dies next; when, by the world.

    Args:
        stack: its victim.
        seed: repeats the same choices.
    """

    stack: StackHandle
    seed: int
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (repeatable choices, no secret)
        self.recent = {part: deque[float](maxlen=KILLS_A_MINUTE) for part in PARTS}

    @property
    def kills(self) -> int:
        return self.killed.total()

    def strike(self) -> None:
        """One kill, if anything may be killed now."""
        ready = [part for part in PARTS if self._may_die(part)]
        if ready and self.random.random() > NODE_SHARE:
            self._kill_part(self.random.choice(ready))
        else:
            self._kill_node()

    def _may_die(self, part: str) -> bool:
        times = self.recent[part]
        alive = part in self.stack.description["parts"]
        return alive and (len(times) < KILLS_A_MINUTE or time.monotonic() - times[0] > 60)

    def _kill_part(self, part: str) -> None:
        try:
            self.stack.kill_part(part)
        except ProcessLookupError:
            return
        self.recent[part].append(time.monotonic())
        self.killed[part] += 1

    def _kill_node(self) -> None:
        found = nodes.running(self.stack)
        if not found:
            return
        victim = self.random.choice(sorted(found, key=lambda node: (node.tenant, node.role)))
        try:
            # Half of them lose their disk as well.
            (nodes.destroy if self.random.random() < 0.5 else nodes.kill)(self.stack, victim)
        except httpx.HTTPError:
            return
        self.killed[victim.role] += 1
