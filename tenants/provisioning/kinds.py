"""The kinds of operations as data: what each asks for, its steps, and what cancelling it means."""

from dataclasses import dataclass

SUBMIT = "submit"

START_STEPS = (SUBMIT, "certs", "indexer", "manager", "dashboard", "verify")
STOP_STEPS = (SUBMIT, "dashboard", "manager", "indexer")
DELETE_STEPS = (SUBMIT, "stop", "erase")


@dataclass(frozen=True)
class Kind:
    """
    One kind of operation.

    `aims_at` is what the tenant is asked to be. `compensated_by` names the operation that undoes it once the edge
    has begun; where it is None, handing over to the edge is the point of no return.
    """

    aims_at: str
    steps: tuple[str, ...]
    compensated_by: str | None = None


KINDS: dict[str, Kind] = {
    "create": Kind("running", START_STEPS, compensated_by="stop"),
    "start": Kind("running", START_STEPS, compensated_by="stop"),
    "stop": Kind("stopped", STOP_STEPS),
    "delete": Kind("deleted", DELETE_STEPS),
}

KIND_THAT_REACHES: dict[str, str] = {"running": "start", "stopped": "stop", "deleted": "delete"}
