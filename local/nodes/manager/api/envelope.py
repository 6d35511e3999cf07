"""The API's answers: the envelope around results, and problems."""

from collections.abc import Mapping
from typing import Any

from local.web.messages import Request, Response

REMEDIATIONS = {
    1701: "Please, use `GET /agents?select=id,name` to find all available agents",
    1703: "Please, make sure you select an agent other than 000",
    1705: "Please choose another name",
    1706: "Please choose another IP",
    1707: "Please, check non-active agents connection and try again",
    1708: "Please choose another ID",
    1710: "Please, use `GET /groups` to find all available groups",
    1711: "Please, use another group name",
    4000: "Please, make sure you have permissions to execute the current request",
    4005: "Please, use another name or rule",
    6001: "This limit can be changed in api.yaml file",
}
NO_REMEDIATION = "Please, visit the official documentation"
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Permission Denied", 404: "Not Found", 429: "Wazuh Error"}
# Problems that the API's front raises, before any call: their number stands under another name.
FRONT_CODES = {6000, 6001}


class ApiError(Exception):
    """A refused call: HTTP status, reason, and Wazuh's error code where it has one."""

    def __init__(self, status: int, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code

    def response(self) -> Response:
        body: dict[str, Any] = {"title": TITLES.get(self.status, "Error"), "detail": self.detail}
        if self.code is not None:
            body["code" if self.code in FRONT_CODES else "error"] = self.code
            body["remediation"] = REMEDIATIONS.get(self.code, NO_REMEDIATION)
        return Response.of_json(body, self.status)


def bad_parameter(name: str, reason: str) -> ApiError:
    return ApiError(400, f"{reason}. Failed validating parameter '{name}'")


def json_object(request: Request) -> dict[str, Any]:
    """The body of a call; raises ApiError or BadRequest where it is no JSON object."""
    body = request.json()
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object")
    return body


def items(
    affected: list[Any], message: str, *, total: int | None = None, failed: Mapping[str, tuple[int, str]] | None = None
) -> Response:
    """A list of results; `failed` maps an id to Wazuh's code and message, and turns `error` to 1 (all) or 2 (some)."""
    failures = [
        {
            "error": {"code": code, "message": text, "remediation": REMEDIATIONS.get(code, NO_REMEDIATION)},
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
