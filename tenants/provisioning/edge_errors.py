"""What can go wrong when speaking to the edge. Nothing of HTTP shows in these."""

from collections.abc import Mapping
from typing import Any


class EdgeError(Exception):
    """
    A call to the edge that brought no usable answer.

    `retryable` says whether the same call can succeed later; `hint` what a person can do; `details` the fields at
    fault, each with `path` and `message`.
    """

    code = "EDGE_ERROR"
    retryable = True

    def __init__(
        self, message: str, *, code: str = "", hint: str = "", details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.message = message
        self.hint = hint
        self.details = details or []

    def as_json(self) -> dict[str, Any]:
        """The error in the shape that operations and steps keep."""
        shown = {"code": self.code, "message": self.message, "hint": self.hint, "retryable": self.retryable}
        return {**shown, "details": self.details} if self.details else shown


class EdgeUnreachable(EdgeError):
    """No connection could be made, so the call surely had no effect."""

    code = "EDGE_UNREACHABLE"


class EdgeAmbiguous(EdgeError):
    """The call may or may not have had its effect: look before acting again."""

    code = "EDGE_AMBIGUOUS"


class EdgeBusy(EdgeError):
    """The edge refused the call for now."""

    code = "EDGE_BUSY"


class EdgeRefused(EdgeError):
    """The edge understood the call and refuses it for good."""

    code = "EDGE_REFUSED"
    retryable = False


class StaleGeneration(EdgeRefused):
    """The edge holds a newer (epoch, generation): another writer, or a database that was set back."""


class GenerationConflict(EdgeRefused):
    """The edge holds another spec under this very generation."""


class ContentMissing(EdgeRefused):
    """The plan names a bundle of content that the edge does not have."""


class TenantGone(EdgeRefused):
    """The tenant was deleted at the edge; its tombstone stays for ever."""


class UnknownAtEdge(EdgeRefused):
    """The edge knows nothing of this tenant or of this thing in it."""


BY_CODE: Mapping[str, type[EdgeError]] = {
    "STALE_GENERATION": StaleGeneration,
    "STALE_EPOCH": StaleGeneration,
    "GENERATION_CONFLICT": GenerationConflict,
    "CONTENT_MISSING": ContentMissing,
    "TENANT_DELETED": TenantGone,
    "TENANT_UNKNOWN": UnknownAtEdge,
    "TOKEN_NOT_FOUND": UnknownAtEdge,
    "AGENT_NOT_FOUND": UnknownAtEdge,
    "AGENT_ORDER_NOT_FOUND": UnknownAtEdge,
}
