"""What each kind of operation means for whoever uses the tenant meanwhile, and until when it can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenants.provisioning.kinds import (
    ABANDON,
    CLONE,
    CONTENT,
    DELETE,
    ERASE,
    EXPORT,
    RESIZE,
    RESTORE,
    REVERT,
    ROLLBACK,
    ROTATE,
    ROTATE_CREDENTIALS,
    SLEEP,
    UNDELETE,
    UPGRADE,
    WAKE,
)

NODES = ("indexer", "manager", "dashboard")


@dataclass(frozen=True)
class Effect:
    """
    What is told before the button.

    `restarts` are the roles whose nodes start anew, `meanwhile` what people notice, `no_return` from when on it can't
    be cancelled.
    """

    restarts: tuple[str, ...]
    meanwhile: str
    no_return: str


CANCELLABLE = "None: until it runs it can be cancelled, and is stopped again."
HANDED_OVER = "Once the edge has taken it, within seconds."
TAKEN_BACK = f"{HANDED_OVER} What does not serve is put back by itself."
ROLLING = "One role after the other restarts: agents reconnect by themselves, alerts wait, open dashboards reload."

EFFECTS: Mapping[str, Effect] = {
    "create": Effect((), "Nothing that runs is touched.", CANCELLABLE),
    CLONE: Effect((), "Its source is read and not touched.", CANCELLABLE),
    "start": Effect((), "The nodes start with the data they had.", CANCELLABLE),
    "stop": Effect((), "All nodes stop and dashboards close; agents keep trying. Data stay.", HANDED_OVER),
    DELETE: Effect(
        (),
        "All nodes stop, dashboards close and agents are refused.",
        "None for a week: in the recycle bin it can be undeleted.",
    ),
    UNDELETE: Effect((), "It becomes what it was, and its agents come back.", "None: it can be deleted again."),
    ERASE: Effect((), "Data, keys, tokens and agents' credentials are erased.", HANDED_OVER),
    ROTATE: Effect(NODES, ROLLING, TAKEN_BACK),
    ROTATE_CREDENTIALS: Effect(NODES, ROLLING, TAKEN_BACK),
    UPGRADE: Effect(NODES, f"A backup is made first. {ROLLING}", TAKEN_BACK),
    ROLLBACK: Effect(NODES, f"A backup is made first. {ROLLING}", TAKEN_BACK),
    CONTENT: Effect(
        (),
        "The manager takes the new rules, decoders and lists without a restart; agents get their settings from it"
        " within minutes. Where it refuses a file, it keeps what it had.",
        HANDED_OVER,
    ),
    RESIZE: Effect(NODES, ROLLING, HANDED_OVER),
    ABANDON: Effect((), "What was built is erased; the plan's place is free again.", HANDED_OVER),
    REVERT: Effect(NODES, "Nodes that were changed start anew as they were before.", HANDED_OVER),
    SLEEP: Effect((), "The nodes stop; the next request wakes them.", HANDED_OVER),
    WAKE: Effect((), "The nodes start with the data they had.", HANDED_OVER),
    EXPORT: Effect((), "Nothing: everything goes on while the edge reads.", HANDED_OVER),
    RESTORE: Effect(
        NODES,
        "A backup is made first. Then all nodes stop at once and start with the backup: dashboards close, agents keep"
        " their logs until the manager is back.",
        HANDED_OVER,
    ),
}
