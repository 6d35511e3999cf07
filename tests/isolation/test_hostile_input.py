"""No input makes a 500: every route with parameters, queries and bodies that nobody honest sends."""

import json
import re
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction

from tests.isolation.matrix import MATRIX, PLAIN
from tests.isolation.routes import CONTRACTS
from tests.isolation.test_matrix import PROGRAMS, dns_is_empty, edge_is_away, permitted
from tests.isolation.world import world

# Its types refuse most, and the product runs on it.
pytestmark = pytest.mark.postgres
__all__ = ["dns_is_empty", "edge_is_away", "world"]

PARAMETERS = ["\0", "9" * 30, "a" * 300, "'ü", "../.."]
QUERIES = [
    {"cursor": "x", "limit": "1"},
    {"cursor": "WyJvbGRlciIsIm5vbmUiLCIxIl0"},
    {"limit": "9" * 25},
    {"after": "-1", "q": "%" * 100, "next": "https://evil.example/"},
    {"after": "9" * 18, "state": "ü" * 200},
    {"filter": "(" * 30, "sortBy": "ü", "startIndex": "x", "count": "-1", "attributes": "." * 50},
    {"kind": "x", "tenant": "x", "organization": "x", "status": "x", "cell": "x"},
]
VALUES = [None, True, -1, 2**62, "x" * 10_000, "\x01\u202e", [None], {"a": {"b": []}}]
BODIES = ["", "null", "[]", "{", '{"a":1,"a":2}', '{"name":"\\u0000"}', '{"name":"\\ud800"}', "[" * 5000]
FORM_FIELDS = ["name", "email", "role", "confirm_name", "reason", "max_uses", "SAMLResponse", "next", "theme", "plan"]

_ANY_RESOURCE = ("schemas", "id", "externalId", "displayName", "meta")
# What the standard has in bodies, by how an address ends; PATCH has operations everywhere.
SCIM_FIELDS = {
    ".search": ("schemas", "filter", "sortBy", "startIndex", "count", "attributes", "excludedAttributes"),
    "Users": (*_ANY_RESOURCE, "userName", "name", "active", "emails", "groups"),
    "Groups": (*_ANY_RESOURCE, "members"),
}

METHODS = [(address, method) for address, methods in MATRIX.items() for method in methods]


def path_of(address: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: quote(ids[match[1]], safe=""), address)


def fields_of(method: str, address: str) -> list[str]:
    """The fields that the contract gives a request; SCIM's is the standard."""
    if address.startswith("/scim/"):
        if method == "PATCH":
            return ["schemas", "Operations"]
        return next((list(fields) for part, fields in SCIM_FIELDS.items() if part in address.split("/")), [])
    contract = json.loads((CONTRACTS / "portal-api.json").read_text())
    operation = contract["paths"][address][method.lower()]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return sorted(contract["components"]["schemas"].get(name, schema).get("properties", {}))


def answers(world, method: str, path: str, **request) -> int:
    """Sends one request as somebody whom the address opens, and undoes it."""
    client = permitted(world, path).client
    cookies = client.cookies.copy()
    with transaction.atomic():
        status = client.generic(method, path, **request).status_code
        transaction.set_rollback(True)
    client.cookies = cookies
    return status


def assert_handled(statuses: dict[str, int]) -> None:
    broken = {what: status for what, status in statuses.items() if status >= 500 and status != 503}
    assert not broken, broken


@pytest.mark.parametrize(("address", "method"), [case for case in METHODS if "{" in case[0]])
def test_a_parameter_of_any_form_is_answered(world, address, method):
    ids = {**PLAIN, **world.ids}
    names = re.findall(r"\{(\w+)\}", address)
    assert_handled(
        {
            f"{name}={value!r}": answers(world, method, path_of(address, {**ids, name: value}))
            for name in names
            for value in PARAMETERS
        }
    )


@pytest.mark.parametrize("address", [address for address, method in METHODS if method == "GET"])
def test_a_query_of_any_form_is_answered(world, address):
    path = path_of(address, {**PLAIN, **world.ids})
    assert_handled({str(query): answers(world, "GET", path, QUERY_STRING=urlencode(query)) for query in QUERIES})


@pytest.mark.parametrize(
    ("address", "method"),
    [case for case in METHODS if case[0].startswith(PROGRAMS) and case[1] in ("POST", "PUT", "PATCH")],
)
def test_a_body_of_any_form_is_answered(world, address, method):
    path = path_of(address, {**PLAIN, **world.ids})
    valid = {
        name: value.format(**world.ids) if isinstance(value, str) else value
        for name, value in MATRIX[address][method].body.items()
    }
    bodies = [*BODIES, *(json.dumps({**valid, name: value}) for name in fields_of(method, address) for value in VALUES)]
    assert_handled(
        {body[:80]: answers(world, method, path, data=body, content_type="application/json") for body in bodies}
    )


@pytest.mark.parametrize(
    "address", [case[0] for case in METHODS if not case[0].startswith(PROGRAMS) and case[1] == "POST"]
)
def test_a_form_of_any_form_is_answered(world, address):
    path = path_of(address, {**PLAIN, **world.ids})
    forms = [dict.fromkeys(FORM_FIELDS, value) for value in ("", "-1", "x" * 5000, "9" * 18)]
    assert_handled(
        {
            str(form)[:60]: answers(
                world, "POST", path, data=urlencode(form), content_type="application/x-www-form-urlencoded"
            )
            for form in forms
        }
    )
