"""
What a request that only reads has asked the database before, so that it asks once.

Who may do what is decided anew at every use, and one page has many uses. An answer may be given again because all of
this holds, and none otherwise:

1. The request's method is safe, and the answer is forgotten with the request. A response that streams is written after
   that, and remembers nothing.
2. It was given to the same question by the same asker, under the same actor of row-level security.
3. Nothing but reads went over the request's connection since: the first other statement, a savepoint or a narrow
   function among them, ends all remembering, so that no answer outlives a write or its being taken back.
4. It is at most `LASTS_SECONDS` old, so that a request that waits for something decides anew after it.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from controlplane import rls
from controlplane.transactions import SAFE

LASTS_SECONDS = 5.0


@dataclass
class _Memory:
    is_open: bool = True
    answers: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)

    def close(self) -> None:
        self.is_open = False
        self.answers.clear()


_memory: ContextVar[_Memory | None] = ContextVar("answers_of_request", default=None)


@contextmanager
def remembering(method: str) -> Iterator[None]:
    """Remembers answers while a block runs, if it handles a request with a safe method."""
    if method not in SAFE:
        yield
        return
    memory = _Memory()
    token = _memory.set(memory)
    try:
        with connection.execute_wrapper(_ending_with_a_write(memory)):
            yield
    finally:
        memory.close()
        _memory.reset(token)


def begin_anew() -> None:
    """Forgets everything and remembers from here on, as after an API key's sign-in, which notes the key's use."""
    memory = _memory.get()
    if memory is not None:
        memory.answers.clear()
        memory.is_open = True


def ask[Answer](question: Hashable, answer: Callable[[], Answer]) -> Answer:
    """
    The answer to a question, from memory where the request has it.

    Args: question: what is asked, with everything that the answer depends on. answer: asks the database; what it
    returns is given to several callers, none of which may change it.
    """
    memory = _memory.get()
    if memory is None or not memory.is_open:
        return answer()
    key, now = (rls.current_actor(), question), time.monotonic()
    known = memory.answers.get(key)
    if known is not None and now - known[0] < LASTS_SECONDS:
        return known[1]
    found = answer()
    if memory.is_open:
        memory.answers[key] = (now, found)
    return found


def _ending_with_a_write(memory: _Memory) -> Callable[..., Any]:
    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not _only_reads(sql):
            memory.close()
        return run(sql, params, many, context)

    return execute


def _only_reads(sql: str) -> bool:
    """Whether a statement can't write. A narrow function can: `rls.call` selects everything from it."""
    return sql.startswith("SELECT ") and not sql.startswith("SELECT * FROM ")
