"""The warden ends the stack's processes when the launcher could not: it outlives a launcher killed by SIGKILL.

Its standard input is a pipe whose other end only the launcher holds. The launcher writes `+<pid>` when it starts a part
and `-<pid>` when one has ended. The pipe's end means that the launcher is gone: every group still listed gets SIGTERM,
then SIGKILL.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 3.0


def _signal_groups(groups: set[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _alive(groups: set[int]) -> set[int]:
    found = set()
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, 0)
            found.add(group)
    return found


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change, pid = line[0], int(line[1:])
        (groups.add if change == "+" else groups.discard)(pid)
    _signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while (groups := _alive(groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_groups(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
