"""``?validate_only=true``: what a request would do, with nothing done. The name is that of Google's AIP-163."""

from collections.abc import Collection

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from controlplane.problems import Malformed

NAME = "validate_only"
DESCRIBED = OpenApiParameter(
    NAME, bool, description="Answer 200 with what would happen, after the same checks, and change nothing"
)


def is_asked(request: Request, methods: Collection[str]) -> bool:
    """
    Whether a request only asks what it would do.

    Args: methods: those of this address that can say so.
    Raises: Malformed where the address can't: whoever asks for no effect must not get one.
    """
    value = request.query_params.get(NAME)
    if value is None:
        return False
    if value not in ("true", "false"):
        raise Malformed("Expected true or false.", field=NAME)
    if value == "true" and request.method not in methods:
        raise Malformed(
            "This address can't say beforehand what it would do. Nothing was done.",
            field=NAME,
            hint="Send the request without it to have it done.",
        )
    return value == "true"
