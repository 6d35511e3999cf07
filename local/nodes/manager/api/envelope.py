"""The API's answers: the envelope around results, and problems."""

from collections.abc import Mapping
from typing import Any

from local.web.messages import Response

REMEDIATIONS = {
    1701: "Please, use `GET /agents?select=id,name` to find all available agents",
    1705: "Please choose another name",
    1708: "Please choose another ID",
    1710: "Please, use `GET /groups` to find all available groups",
    1711: "Please, use another group name",
    4000: "Please, visit the official documentation",
    6001: "This limit can be changed in api.yaml file",
}
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Permission Denied", 404: "Not Found", 429: "Wazuh Error"}


class ApiError(Exception):
    """A refused call: HTTP status, reason, and Wazuh's error code where it has one."""

    def __init__(self, status: int, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code

    def response(self) -> Response:
        body: dict[str, Any] = {"title": TITLES.get(self.status, "Error"), "detail": self.detail}
        if self.code is not None:
            body["error"] = self.code
            body["remediation"] = REMEDIATIONS.get(self.code, REMEDIATIONS[4000])
        return Response.of_json(body, self.status)


def bad_parameter(name: str, reason: str) -> ApiError:
    return ApiError(400, f"{reason}. Failed validating parameter '{name}'")


def items(
    affected: list[Any], message: str, *, total: int | None = None, failed: Mapping[str, tuple[int, str]] | None = None
) -> Response:
    """A list of results; `failed` maps an id to Wazuh's code and message, and turns `error` to 1 (all) or 2 (some)."""
    failures = [
        {
            "error": {"code": code, "message": text, "remediation": REMEDIATIONS.get(code, REMEDIATIONS[4000])},
            "id": [id],
        }
        for id, (code, text) in (failed or {}).items()
    ]
    data = {
        "affected_items": affected,
        "total_affected_items": len(affected) if total is None else total,
        "total_failed_items": len(failures),
        "failed_items": failures,
    }
    error = 0 if not failures else 2 if affected else 1
    return Response.of_json({"data": data, "message": message, "error": error})


def data(value: Any) -> Response:
    """A result that is no list."""
    return Response.of_json({"data": value, "error": 0})


def done(message: str) -> Response:
    return Response.of_json({"message": message, "error": 0})
