"""The kinds of operations as data: what each asks for, its steps, and what cancelling it means."""

from dataclasses import dataclass

SUBMIT = "submit"

START_STEPS = (SUBMIT, "certs", "indexer", "manager", "dashboard", "verify")
STOP_STEPS = (SUBMIT, "dashboard", "manager", "indexer")
ERASE_STEPS = (SUBMIT, "stop", "erase")
DELETE, UNDELETE, ERASE = "delete", "undelete", "erase"
ROTATE_STEPS = (SUBMIT, "mint", "switch", "indexer", "manager", "dashboard", "verify")
ROTATE = "rotate_certificates"
UPGRADE_STEPS = (SUBMIT, "backup", "indexer", "manager", "dashboard", "verify")
UPGRADE, ROLLBACK, RESIZE = "upgrade", "rollback", "resize"
SLEEP_STEPS = (SUBMIT, "dashboard", "manager", "indexer")
WAKE_STEPS = (SUBMIT, "indexer", "manager", "dashboard", "verify")
SLEEP, WAKE = "sleep", "wake"
ROTATE_CREDENTIALS_STEPS = (SUBMIT, "generate", "switch", "indexer", "manager", "dashboard", "verify")
ROTATE_CREDENTIALS = "rotate_credentials"
RESTORE_STEPS = (SUBMIT, "backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify")
CLONE_STEPS = (SUBMIT, "copy", "certs", "indexer", "manager", "dashboard", "verify")
RESTORE, CLONE = "restore", "clone"
CONTENT_STEPS = (SUBMIT, "content_apply", "content_check")
CONTENT = "content"
ABANDON, REVERT = "abandon", "revert"
EXPORT_STEPS = (SUBMIT, "tenant", "agents", "events", "alerts", "archive")
EXPORT = "export"


@dataclass(frozen=True)
class Kind:
    """
    One kind of operation.

    `aims_at` is what the tenant is asked to be; None where it is to be what is requested of it anyway. `compensated_by`
    names the operation that undoes it once the edge has begun; where it is None, handing over to the edge is the point
    of no return. `fact` is set for what leaves the tenant's plan alone: it goes out under no generation of its own,
    brought by the outbox under this topic. `retried` is False for what the edge takes back by itself where it does not
    hold, so that it is asked for anew. `abandoned_by` names the operation that cleans up after one that failed.
    `instead` says what to do of what is not cancelled at any time, because something else undoes it. What only `reads`
    stands beside everything else: nothing waits for it, and the edge tells of it by itself, not as the tenant's run.
    """

    aims_at: str | None
    steps: tuple[str, ...]
    compensated_by: str | None = None
    fact: str = ""
    retried: bool = True
    abandoned_by: str | None = None
    instead: str = ""
    reads: bool = False

    @property
    def changes_spec(self) -> bool:
        """Whether the reconciler hands it over, with the tenant's plan."""
        return not self.fact


KINDS: dict[str, Kind] = {
    "create": Kind("running", START_STEPS, compensated_by="stop", abandoned_by=ABANDON),
    CLONE: Kind("running", CLONE_STEPS, compensated_by="stop", abandoned_by=ABANDON),
    "start": Kind("running", START_STEPS, compensated_by="stop", abandoned_by="stop"),
    "stop": Kind("stopped", STOP_STEPS),
    # Into the recycle bin, where the tenant is stopped whatever is requested of it; and out of it again, with the steps
    # of whatever the edge does then.
    DELETE: Kind("stopped", STOP_STEPS, instead="Undelete the tenant instead."),
    UNDELETE: Kind(None, (SUBMIT,), instead="Delete the tenant again instead."),
    ERASE: Kind("deleted", ERASE_STEPS, instead="Until the edge was told, undeleting keeps the tenant."),
    ROTATE: Kind("running", ROTATE_STEPS, fact="tenants.rotation.asked", retried=False),
    UPGRADE: Kind("running", UPGRADE_STEPS, retried=False, abandoned_by=REVERT),
    # To the version before, with the backup that was made when it was left.
    ROLLBACK: Kind("running", UPGRADE_STEPS, retried=False, abandoned_by=REVERT),
    RESIZE: Kind("running", START_STEPS, abandoned_by=REVERT),
    # Erases what a creation that failed has built, which never served anybody.
    ABANDON: Kind("deleted", ERASE_STEPS),
    # Makes what was there before a change that failed wanted again.
    REVERT: Kind("running", START_STEPS),
    SLEEP: Kind("running", SLEEP_STEPS, fact="tenants.sleep.asked", retried=False),
    WAKE: Kind("running", WAKE_STEPS, fact="tenants.waking.asked", retried=False),
    ROTATE_CREDENTIALS: Kind("running", ROTATE_CREDENTIALS_STEPS, fact="tenants.credentials.asked", retried=False),
    RESTORE: Kind("running", RESTORE_STEPS, fact="tenants.restore.asked"),
    CONTENT: Kind("running", CONTENT_STEPS, retried=False),
    EXPORT: Kind(None, EXPORT_STEPS, fact="tenants.export.asked", retried=False, reads=True),
}

KIND_OF_RUN: dict[str, str] = {"rotate": ROTATE, "delete": ERASE}
"""What a kind of run at the edge is called here, where it has another name."""

BESIDE_THE_SPEC: frozenset[str] = frozenset(
    name for name, kind in KINDS.items() if not kind.changes_spec and not kind.reads
)

READING: frozenset[str] = frozenset(name for name, kind in KINDS.items() if kind.reads)

KIND_THAT_REACHES: dict[str, str] = {"running": "start", "stopped": "stop", "deleted": ERASE}

TO_DELETE: frozenset[str] = frozenset({DELETE, UNDELETE, ERASE, ABANDON, EXPORT})
"""What is for whoever may delete: it ends the tenant, or carries all of it away."""
