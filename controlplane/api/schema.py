"""How the API describes itself in OpenAPI 3.1."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import ChoiceField

from controlplane.api import preconditions

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document.",
    "required": ["type", "title", "status", "code", "detail", "hint", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "detail": {"type": "string", "description": "What happened and what was kept."},
        "hint": {"type": "string", "description": "What to do next."},
        "retryable": {"type": "boolean"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "code"],
                "properties": {name: {"type": "string"} for name in ("field", "message", "code")},
            },
        },
    },
}
EVERYWHERE = {"400": "Malformed.", "401": "Not signed in.", "429": "Too many requests."}
WITH_ID = {"403": "Not allowed.", "404": "Not found, or not visible to you."}
NAMING = frozenset({"msp"})
"""Parameters of a query that name something which has to be there."""
WRITING = {
    "403": "Not allowed.",
    "404": "What the body names is not there, or not visible to you.",
    "409": "The state does not allow it.",
    "422": "A field can't be used.",
}


KEY_WORDS = "Same key and body: same answer, no second effect. Another body: 422. Kept for 24 hours."
TAG_WORDS = "Stands for what people can change of it; send it as If-Match."
MATCH_WORDS = "The ETag that was read: where the thing has changed since, 412 and no change."


class SessionScheme(OpenApiAuthenticationExtension):
    """Tells OpenAPI of the browser's session."""

    target_class = "controlplane.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """A cookie; writing calls need the CSRF header as well."""
        return {"type": "apiKey", "in": "cookie", "name": "__Host-portal"}


class PortalSchema(AutoSchema):
    """Adds the headers Idempotency-Key, If-Match and ETag, and the body of a DELETE that declares one."""

    def get_override_parameters(self) -> list[Any]:
        """Parameters beside those of the serializer and the address."""
        if self.method == "POST":
            return [_header("Idempotency-Key", KEY_WORDS)]
        if not preconditions.has_tag(self.view):
            return []
        tag, match = _header("ETag", TAG_WORDS, response=[200]), _header(preconditions.HEADER, MATCH_WORDS)
        return {"GET": [tag], "DELETE": [match]}.get(self.method, [tag, match])

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """The parent leaves the empty choice out."""
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, ChoiceField) and field.allow_blank and "" not in schema.get("enum", [""]):
            return {**schema, "enum": [*schema["enum"], ""]}
        return schema

    def get_request_serializer(self) -> Any:
        """A DELETE has a body only where its view says so with ``extend_schema(request=…)``."""
        return None if self.method == "DELETE" else super().get_request_serializer()

    def _get_request_body(self, direction: str = "request") -> Any:
        """The parent leaves bodies out of DELETE, yet deleting a tenant takes its typed name."""
        if self.method != "DELETE" or self.get_request_serializer() is None:
            return super()._get_request_body(direction)
        self.method = "POST"
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"


def _header(name: str, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, **more)


def narrowing(name: str, description: str, values: Iterable[str]) -> OpenApiParameter:
    """A parameter of a query that takes one of some values, or is empty, as a form sends it, for all."""
    return OpenApiParameter(name, str, description=f"{description}; empty for all", enum=[*values, ""])


def only_the_api(endpoints: Iterable[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Leaves out everything that is not under /api/v1/, and the description itself."""
    return [each for each in endpoints if each[0].startswith("/api/v1/") and not each[0].endswith("openapi.json")]


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: Any) -> dict[str, Any]:
    """Documents the problem answers that every operation can give."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result.get("paths", {}).items():
        for method, operation in operations.items():
            for status, description in _problems_of(path, method, operation).items():
                operation["responses"].setdefault(status, _problem_response(description))
    return result


def _problems_of(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    problems = dict(EVERYWHERE)
    if any(each["name"] == preconditions.HEADER for each in operation.get("parameters", [])):
        problems["412"] = "It has changed since it was read."
    if method != "get":
        problems |= WRITING
    if "{" in path or any(each["name"] in NAMING for each in operation.get("parameters", [])):
        problems |= WITH_ID
    return dict(sorted(problems.items()))


def _problem_response(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
