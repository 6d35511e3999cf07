"""Who holds a lease, and whether that process is known to be dead."""

import os
import secrets
import socket


def new_owner() -> str:
    """A name for one holder of one lease, telling where it runs."""
    return f"{_host()}:{os.getpid()}:{secrets.token_hex(8)}"


def is_dead(owner: str) -> bool:
    """
    Whether the holder ran on this machine and its process has ended.

    False where that can't be known, as for a holder elsewhere: then its lease has to end by time.
    """
    host, _, rest = owner.partition(":")
    number = rest.partition(":")[0]
    if host != _host() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _host() -> str:
    return socket.gethostname()[:24].replace(":", "-")
