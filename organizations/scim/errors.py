"""Errors as RFC 7644 §3.12 answers them: a status, a `scimType` where it has one, and words that say what to do."""

from collections.abc import Mapping
from typing import Any

from rest_framework.response import Response

from controlplane.api.problems import answer as problem_answer
from controlplane.api.problems import as_problem
from controlplane.problems import Problem

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MEDIA_TYPE = "application/scim+json"
# Problems of the shell and of other rooms that have a scimType.
SCIM_TYPES = {"MALFORMED": "invalidSyntax", "INVALID": "invalidValue"}


class ScimProblem(Problem):
    """An error with one of RFC 7644's types in `code`."""

    def __init__(self, scim_type: str, detail: str, *, status: int = 400) -> None:
        super().__init__(scim_type, status=status, detail=detail)


def invalid(where: str, what: str) -> ScimProblem:
    """A value that can't be used. Args: where: the attribute's path."""
    return ScimProblem("invalidValue", f"{where}: {what}")


def body_of(problem: Problem) -> dict[str, Any]:
    """The body of an error's answer."""
    known = problem.code if isinstance(problem, ScimProblem) else SCIM_TYPES.get(problem.code, "")
    # The type belongs to answers of 400 and to what is taken already, no others.
    typed = {"scimType": known} if known and (problem.status in (400, 422) or known == "uniqueness") else {}
    detail = " ".join(part for part in (problem.detail, problem.hint) if part)
    return {"schemas": [ERROR], "status": str(status_of(problem)), **typed, "detail": detail}


def status_of(problem: Problem) -> int:
    """SCIM has no 422: what can't be used is a bad request."""
    return 400 if problem.status == 422 else problem.status


def answer(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler for SCIM doors. Returns None for what is our own fault."""
    response = problem_answer(exception, context)
    problem = as_problem(exception)
    if response is None or problem is None:
        return response
    told = Response(body_of(problem), status_of(problem), content_type=MEDIA_TYPE)
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in response:
            told[name] = response[name]
    told["Cache-Control"] = "no-store"
    return told
