"""An operation told as people read it: what each step does, how long it took, what went wrong and what mends it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.marks import Mark
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
from tenants.provisioning.marks import STEP, of_operation
from tenants.provisioning.models import Operation, Step

TITLES = {
    "create": "Create tenant",
    "start": "Start",
    "stop": "Stop",
    DELETE: "Delete tenant",
    UNDELETE: "Undelete tenant",
    ERASE: "Erase tenant",
    ROTATE: "Rotate certificates",
    UPGRADE: "Change version",
    ROLLBACK: "Roll back the version",
    RESIZE: "Change sizes",
    SLEEP: "Sleep",
    WAKE: "Wake",
    ROTATE_CREDENTIALS: "Rotate passwords",
    RESTORE: "Restore backup",
    EXPORT: "Export",
    CLONE: "Create from backup",
    CONTENT: "Publish content",
    ABANDON: "Clean up",
    REVERT: "Return to before",
    "edge": "Edge run",
}

CANCELS = {
    "create": "Cancel creation",
    "start": "Cancel start",
    "stop": "Cancel stop",
    ROTATE: "Cancel rotation",
    UPGRADE: "Cancel change",
    ROLLBACK: "Cancel rollback",
    RESIZE: "Cancel change",
    SLEEP: "Stay awake",
    ROTATE_CREDENTIALS: "Cancel rotation",
    RESTORE: "Cancel restore",
    EXPORT: "Cancel export",
    CLONE: "Cancel creation",
    CONTENT: "Cancel publishing",
    ABANDON: "Keep what was built",
    REVERT: "Cancel return",
}

ABANDONS = {
    ABANDON: ("Abandon and clean up", "What was built is erased at the edge, and the plan's place is free again."),
    REVERT: ("Abandon and return to before", "The tenant is to be again what it was before this."),
    "stop": ("Abandon and stop", "What was started is stopped again; data stay."),
}
"""What cleans up after a failure → what its button says, and what it does."""

# step → title, and what it does for a start, a stop, a deletion
STARTING = {
    "submit": ("Hand over", "The edge takes the plan and begins"),
    "certs": ("Certificates", "An authority of its own, a pair for each node"),
    "indexer": ("Indexer", "Stores and searches the alerts"),
    "manager": ("Manager", "Receives the agents and judges their logs"),
    "dashboard": ("Dashboard", "Wazuh's own pages"),
    "verify": ("Verify", "An alert goes in and comes out again"),
}
STOPPING = {
    "submit": ("Hand over", "The edge is told to stop"),
    "dashboard": ("Dashboard", "Open sessions end"),
    "manager": ("Manager", "Agents keep their logs until it is back"),
    "indexer": ("Indexer", "Stops last, when nothing writes any more"),
}
BINNING = STOPPING | {
    "submit": ("Hand over", "The edge refuses agents and dashboards from here on"),
    "manager": ("Manager", "Agents are told that the tenant was deleted"),
}
ERASING = {
    "submit": ("Hand over", "The edge is told to erase"),
    "stop": ("Stop", "All nodes stop"),
    "erase": ("Erase", "Data, keys, tokens and agent credentials go"),
}
ROTATING = {
    "submit": ("Hand over", "The edge is told to rotate"),
    "mint": ("Mint", "A new authority, and a new pair for each node"),
    "switch": ("Switch", "The new certificates become the ones in use"),
    "indexer": ("Indexer", "Restarts with them; alerts wait in the journal"),
    "manager": ("Manager", "Restarts with them; agents reconnect by themselves"),
    "dashboard": ("Dashboard", "Restarts with them; open pages reload"),
    "verify": ("Verify", "An alert goes in and comes out again"),
    "rollback": ("Roll back", "The old certificates come into use again"),
}
UPGRADING = {
    "submit": ("Hand over", "The edge takes the plan and begins"),
    "backup": ("Backup", "What is there now is kept for a week"),
    "indexer": ("Indexer", "Restarts with the version; alerts wait in the journal"),
    "manager": ("Manager", "Restarts with the version; agents reconnect by themselves"),
    "dashboard": ("Dashboard", "Restarts with the version; open pages reload"),
    "verify": ("Verify", "An alert goes in and comes out again"),
    "rollback": ("Roll back", "The version before comes into use again, with its data"),
}
RESIZING = STARTING | {
    "indexer": ("Indexer", "Restarts in its new size; alerts wait in the journal"),
    "manager": ("Manager", "Restarts in its new size; agents reconnect by themselves"),
    "dashboard": ("Dashboard", "Restarts in its new size; open pages reload"),
}
ROTATING_CREDENTIALS = ROTATING | {
    "generate": ("Generate", "A new password for everything that has one"),
    "switch": ("Switch", "Nodes that start get the new passwords"),
    "indexer": ("Indexer", "Restarts; lets in the new passwords and no more the old"),
    "manager": ("Manager", "Restarts; lets in the new password and no more the old"),
    "dashboard": ("Dashboard", "Restarts and signs in with the new; open pages reload"),
    "rollback": ("Roll back", "The old passwords come into use again"),
}
SLEEPING = STOPPING | {"submit": ("Hand over", "The edge asks who uses it, and begins if nobody does")}
WAKING = STARTING | {
    "submit": ("Hand over", "The edge is told to wake it"),
    "indexer": ("Indexer", "Takes its alerts out of the journal"),
    "manager": ("Manager", "Gets its agents back"),
}
RESTORING = STARTING | {
    "backup": ("Backup", "What is there now is kept for a week"),
    "stop": ("Stop", "All nodes stop"),
    "put_state": ("Restore", "The backup takes the place of what was there"),
}
PUBLISHING = {
    "submit": ("Hand over", "The edge takes the content and begins"),
    "content_apply": ("Apply", "Rules, decoders, lists and agents' settings go to the manager"),
    "content_check": ("Check", "The manager looks them through and loads them, without a restart"),
}
EXPORTING = {
    "submit": ("Hand over", "The edge is told to export"),
    "tenant": ("Tenant", "Its plan, versions, certificates and list of backups"),
    "agents": ("Agents", "Agents and enrollment tokens, without their keys and secrets"),
    "events": ("Events", "The whole event log, with the edge's audit trail"),
    "alerts": ("Alerts", "What the indexer holds, if it runs"),
    "archive": ("Archive", "Alerts of the edge's journal that the indexer does not hold"),
}
CLONING = STARTING | {"copy": ("Copy", "The backup's data, without its secrets")}
WORDS = {
    RESTORE: RESTORING,
    EXPORT: EXPORTING,
    CLONE: CLONING,
    CONTENT: PUBLISHING,
    "create": STARTING,
    "start": STARTING,
    "stop": STOPPING,
    DELETE: BINNING,
    UNDELETE: STARTING,
    ERASE: ERASING,
    ABANDON: ERASING,
    ROTATE: ROTATING,
    UPGRADE: UPGRADING,
    ROLLBACK: UPGRADING,
    RESIZE: RESIZING,
    REVERT: RESIZING,
    SLEEP: SLEEPING,
    WAKE: WAKING,
    ROTATE_CREDENTIALS: ROTATING_CREDENTIALS,
}

KEPT = {
    ROTATE: "The certificates from before the rotation are the ones in use.",
    ROTATE_CREDENTIALS: "The passwords from before the rotation are the ones in use.",
    **dict.fromkeys((UPGRADE, ROLLBACK), "The version from before the change is the one in use."),
    CONTENT: "The content from before is the one in use.",
    SLEEP: "The tenant is awake.",
    EXPORT: "Nothing of the tenant was changed. What was exported of it is removed within a week.",
    RESTORE: "The tenant was started with what its nodes have now; a backup of what was there before is on the list.",
}
"""What a failure leaves in place where it is not the steps that hold."""


@dataclass(frozen=True)
class Line:
    """One step of the timeline."""

    name: str
    title: str
    note: str
    state: str
    mark: Mark
    attempts: int
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    error: dict[str, Any] | None

    @property
    def css(self) -> str:
        """Which part of the line it is: done, now or still to do."""
        return {"succeeded": "done", "failed": "done", "running": "now"}.get(self.state, "todo")

    @property
    def attempt_words(self) -> str:
        """'2nd attempt', from the second on."""
        endings = {2: "2nd", 3: "3rd"}
        return f"{endings.get(self.attempts, f'{self.attempts}th')} attempt" if self.attempts > 1 else ""


@dataclass(frozen=True)
class Timeline:
    """One operation with its lines."""

    operation: Operation
    title: str
    mark: Mark
    lines: Sequence[Line]

    @property
    def done(self) -> int:
        """How many steps hold."""
        return sum(line.state == "succeeded" for line in self.lines)

    @property
    def total(self) -> int:
        """How many steps there are."""
        return len(self.lines)

    @property
    def step_now(self) -> int:
        """Number of the step that runs, counted from one."""
        return min(self.done + 1, self.total)

    @property
    def failed_at(self) -> Line | None:
        """The step at which it ended."""
        return next((line for line in self.lines if line.state == "failed"), None)

    @property
    def error(self) -> dict[str, Any] | None:
        """What went wrong, in the words of whoever noticed."""
        return self.operation.error or (self.failed_at.error if self.failed_at else None)

    @property
    def cancel_words(self) -> str:
        """What its cancel button says."""
        return CANCELS.get(self.operation.kind, "Cancel")

    @property
    def abandon_words(self) -> tuple[str, str]:
        """What the button says that cleans up after it, and what that does."""
        kind = self.operation.known_kind
        return ABANDONS[str(kind and kind.abandoned_by)]

    @property
    def end_words(self) -> str:
        """What a notice says once it has ended."""
        name = self.operation.tenant.name
        return f"{name}: {self.title.lower()} {self.mark.word.lower()}."

    @property
    def kept(self) -> str:
        """What a failure left in place."""
        if self.operation.kind in KEPT:
            return KEPT[self.operation.kind]
        held = [line.title.lower() for line in self.lines if line.state == "succeeded" and line.name != "submit"]
        if not held:
            return "Nothing of it was built yet."
        return f"Kept and still in place: {', '.join(held)}."


def tell(operation: Operation, steps: Sequence[Step] | None = None) -> Timeline:
    """The timeline of one operation; `steps` where they are already loaded."""
    rows = operation.steps.all() if steps is None else steps
    return Timeline(
        operation=operation,
        title=title_of(operation.kind),
        mark=of_operation(operation),
        lines=[_line(operation, step) for step in rows],
    )


def title_of(kind: str) -> str:
    """What people call an operation of this kind."""
    return TITLES.get(kind, kind.replace("_", " ").capitalize())


def step_words(kind: str, name: str) -> tuple[str, str]:
    """A step's title, and what it does in an operation of this kind."""
    return WORDS.get(kind, STARTING).get(name, (name.capitalize(), ""))


def _line(operation: Operation, step: Step) -> Line:
    title, note = step_words(operation.kind, step.name)
    return Line(
        name=step.name,
        title=title,
        note=note,
        state=step.state,
        mark=STEP[step.state],
        attempts=step.attempts,
        started_at=step.started_at,
        finished_at=step.finished_at,
        error=step.error,
    )
