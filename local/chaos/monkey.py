"""Kills something at random: a part of the stack or a node of a tenant."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from local.stack import nodes
from local.stack.handle import StackHandle

PARTS = ("worker", "bulk-worker", "beat", "broker", "edge", "engine")
# The launcher gives a part up after five deaths within a minute, whoever caused them; two stay for what dies by itself.
DEATHS_A_MINUTE = 3
A_MINUTE = 70.0  # seconds; the launcher notices a death a little later
NODE_SHARE = 0.6


@dataclass
class Monkey:
    """Decides by its seed what dies next; when, by the world.

    Args:
        stack: its victim.
        seed: repeats the same choices.
        parts: which parts of the stack may die.
        node_share: of all kills, those of a tenant's node; the rest are of parts.
    """

    stack: StackHandle
    seed: int
    parts: tuple[str, ...] = PARTS
    node_share: float = NODE_SHARE
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (repeatable choices, no secret)
        self.victims: set[int] = set()

    @property
    def kills(self) -> int:
        return self.killed.total()

    def strike(self) -> None:
        """One kill, if anything may be killed now."""
        ready = [part for part in self.parts if self._may_die(part)]
        if ready and self.random.random() >= self.node_share:
            self._kill_part(self.random.choice(ready))
        elif self.node_share:
            self._kill_node()

    def _may_die(self, part: str) -> bool:
        """False also while the launcher has not noticed its last death."""
        stack = self.stack.description
        pid = stack["parts"].get(part)
        recent = [moment for moment in stack["deaths"].get(part, []) if moment > time.time() - A_MINUTE]
        return pid not in (None, *self.victims) and len(recent) < DEATHS_A_MINUTE

    def _kill_part(self, part: str) -> None:
        try:
            self.victims.add(self.stack.kill_part(part))
        except (KeyError, ProcessLookupError):  # it died by itself just now
            return
        self.killed[part] += 1

    def _kill_node(self) -> None:
        try:
            found = nodes.running(self.stack)
        except httpx.TransportError:  # the engine is away just now
            return
        if not found:
            return
        victim = self.random.choice(sorted(found, key=lambda node: (node.tenant, node.name)))
        # Half of them lose their disk as well.
        kill = nodes.destroy if self.random.random() < 0.5 else nodes.kill
        try:
            kill(self.stack, victim)
        except (httpx.HTTPStatusError, httpx.TransportError):  # it, or the engine, ended by itself just now
            return
        self.killed[victim.role] += 1
