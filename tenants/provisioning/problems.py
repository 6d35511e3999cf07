"""What this room refuses, in the words people read."""

from controlplane.problems import Conflict, FieldError, Invalid, NotFound, Unavailable
from organizations.models import Organization
from tenants.provisioning.edge_errors import EdgeError


class TenantNotFound(NotFound):
    """No such tenant, or none that the asker may see."""

    def __init__(self) -> None:
        super().__init__("There is no such tenant.")


class OperationInProgress(Conflict):
    """Another operation of this tenant is still going on."""

    def __init__(self, kind: str, operation_id: str) -> None:
        super().__init__(
            f"The operation {kind} ({operation_id}) of this tenant is still going on. Nothing was changed.",
            code="OPERATION_IN_PROGRESS",
            hint="Wait until it has ended, or cancel it.",
        )


class PastPointOfNoReturn(Conflict):
    """The operation has gone too far to be cancelled."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"This {kind} has been handed over to the edge and can't be cancelled any more. It goes on.",
            code="PAST_POINT_OF_NO_RETURN",
            hint="Wait until it has ended.",
        )


class NotPossibleNow(Conflict):
    """The tenant's or the operation's state has no room for this."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail, code="NOT_POSSIBLE_NOW", hint=hint)


class NameTaken(Conflict):
    """The organization has a tenant of this name."""

    def __init__(self, name: str, *, in_bin: bool = False) -> None:
        where = " already, in the recycle bin" if in_bin else " already"
        super().__init__(
            f"There is a tenant named {name}{where}. Nothing was created.",
            code="NAME_TAKEN",
            field="name",
            hint="Choose another name, or undelete or erase that one." if in_bin else "Choose another name.",
        )


class CellFull(Unavailable):
    """No cell takes another tenant of an organization. Args: jurisdiction: where its data have to lie."""

    def __init__(self, jurisdiction: str) -> None:
        where = f" in the jurisdiction {Organization.Jurisdiction(jurisdiction).label}" if jurisdiction else ""
        super().__init__(
            f"There is no room for another tenant{where} at this moment. Nothing was created.",
            code="CELL_FULL",
            hint="Try again later, or ask whoever operates this portal to add room.",
            retry_after=3600,
        )


class EdgeNotAvailable(Unavailable):
    """The edge did not give what a person waits for."""

    def __init__(self, error: EdgeError) -> None:
        detail = f"{error.message} Nothing was changed."
        super().__init__(detail, code=error.code, hint=error.hint or "Try again in a moment.")


class EdgeSaysNo(Conflict):
    """The edge refused what a person asked for."""

    def __init__(self, error: EdgeError) -> None:
        super().__init__(error.message, code=error.code, hint=error.hint)


class InvalidPlan(Invalid):
    """Parts of the plan can't be had; every one of them is named."""

    def __init__(self, first: FieldError, *more: FieldError) -> None:
        super().__init__(first.message, code="INVALID_PLAN", errors=(first, *more))


class PlanTooLarge(Invalid):
    """What is asked for does not fit the indexer's disk."""

    def __init__(self, field: str, arithmetic: str) -> None:
        super().__init__(
            arithmetic,
            code="PLAN_TOO_LARGE",
            field=field,
            hint="Ask for fewer agents or days, or change to a larger plan. Nothing was created.",
        )


def problem_of(error: EdgeError) -> EdgeNotAvailable | EdgeSaysNo:
    """What to tell a person about a call to the edge that failed."""
    return EdgeNotAvailable(error) if error.retryable else EdgeSaysNo(error)
