"""Errors that people and programs are told about: what happened, what was kept, what to do next.

The API answers them as ``application/problem+json`` (RFC 9457), browsers get a page. Raising one rolls the request's
transaction back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field. ``field`` is its path, such as ``plan.agents``."""

    field: str
    message: str
    code: str = "invalid"


class Problem(Exception):
    """An error with a stable code.

    Args:
        code: stable, upper case, for programs.
        status: HTTP status.
        title: the kind of error in a few words.
        detail: what happened and what was kept.
        hint: what to do next.
        field: the field of the request that caused it.
        errors: further fields.
        retry_after: seconds after which a repetition can succeed.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int = 400,
        title: str = "The request can't be done",
        detail: str,
        hint: str = "",
        field: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.hint = hint
        self.errors = tuple(errors) or ((FieldError(field, detail),) if field else ())
        self.field = field or (self.errors[0].field if self.errors else None)
        self.retry_after = retry_after

    def as_json(self, *, request_id: str = "") -> dict[str, Any]:
        """Returns the members of the problem document."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "hint": self.hint,
            "retryable": self.retry_after is not None,
        }
        if self.errors:
            body["errors"] = [vars(error) for error in self.errors]
        if request_id:
            body["request_id"] = request_id
        return body


class NotFound(Problem):
    """What was asked for does not exist, or the asker must not learn that it does."""

    def __init__(self, detail: str = "There is nothing here that you can see.", **more: Any) -> None:
        more.setdefault("hint", "Check the address, or switch to the organization it belongs to.")
        super().__init__(more.pop("code", "NOT_FOUND"), status=404, title="Not found", detail=detail, **more)


class Forbidden(Problem):
    """The asker may see it but not do this with it."""

    def __init__(self, detail: str = "Your role does not allow this.", **more: Any) -> None:
        more.setdefault("hint", "Ask an owner or admin of the organization.")
        super().__init__(more.pop("code", "FORBIDDEN"), status=403, title="Not allowed", detail=detail, **more)


class Conflict(Problem):
    """The state of the thing does not allow this now."""

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(more.pop("code", "CONFLICT"), status=409, title="Conflict", detail=detail, **more)


class Invalid(Problem):
    """A field of the request can't be used. Pass ``field=`` or ``errors=``."""

    def __init__(self, detail: str, **more: Any) -> None:
        more.setdefault("hint", "Mend the named field and send the request again. Nothing was changed.")
        super().__init__(more.pop("code", "INVALID"), status=422, title="Invalid request", detail=detail, **more)


class Malformed(Problem):
    """The request can't be read at all."""

    def __init__(self, detail: str, **more: Any) -> None:
        more.setdefault("hint", "Nothing was changed. Send it again in the documented form.")
        super().__init__(more.pop("code", "MALFORMED"), status=400, title="Malformed request", detail=detail, **more)


class Unavailable(Problem):
    """Something this product needs does not answer just now."""

    def __init__(self, detail: str, **more: Any) -> None:
        more.setdefault("hint", "Nothing was lost. Try again in a moment.")
        more.setdefault("retry_after", 5)
        super().__init__(more.pop("code", "UNAVAILABLE"), status=503, title="Unavailable", detail=detail, **more)
