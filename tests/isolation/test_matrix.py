"""Every route × every role × the wrong organization: 0 crossings."""

import json
import re

import pytest
import respx
from django.db import connection, transaction
from dns.resolver import NXDOMAIN

from controlplane import edge_keys
from organizations.permissions import ROLES
from tests.isolation.canary import CANARY
from tests.isolation.matrix import MATRIX, PLAIN
from tests.isolation.routes import django_routes, portal_operations
from tests.isolation.rules import Rule
from tests.isolation.world import Visitor, World, world

__all__ = ["world"]

CASES = [(address, method, rule) for address, methods in MATRIX.items() for method, rule in methods.items()]
# What an MSP's lists show of all its clients at once, and the MSP's own side of a grant.
FLEET_WIDE = {
    ("/api/v1/grants/{grant_id}", "GET"),
    ("/api/v1/tenants/{tenant_id}", "GET"),
    ("/api/v1/tenants/{tenant_id}/drift", "GET"),
    ("/api/v1/tenants/{tenant_id}/usage", "GET"),
    ("/api/v1/operations/{operation_id}", "GET"),
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Row-level security tells people apart by their organizations, not by their roles: on Postgres one of each kind goes.
ON_POSTGRES = {"alice", "maria", "mallory", "alice's key", "acme's directory", "rival's directory"}
# What the queries alone keep back, where nothing stands behind them.
queries_alone = pytest.mark.sqlite
UNREACHABLE = {"/api/…", "/admin/"}
# Addresses that programs call: their bodies are JSON.
PROGRAMS = ("/api/", "/scim/")
LIMITED = "a key for another tenant"


@pytest.fixture(autouse=True)
def edge_is_away(monkeypatch):
    """Nothing in this file may depend on an edge, nor sign with what a portal does not have."""
    found = edge_keys.signing_key

    def as_in_a_portal(door: edge_keys.Door) -> edge_keys.SigningKey:
        if door == "control":
            raise edge_keys.KeyNotHere
        return found(door)

    monkeypatch.setattr(edge_keys, "signing_key", as_in_a_portal)
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(503, json={"code": "AWAY", "message": "", "hint": "", "retryable": True})
        yield


@pytest.fixture(autouse=True)
def dns_is_empty(monkeypatch):
    """Nor on a name server."""

    class Resolver:
        def resolve(self, *_, **__):
            raise NXDOMAIN

    monkeypatch.setattr("organizations.domain_names.dns._resolver", Resolver)


def send(world: World, visitor: Visitor, address: str, method: str, rule: Rule, **replaced: str):
    """Sends one request and undoes what it did."""
    if address.startswith("/scim/"):
        return send_scim(world, visitor, address, method, rule, **replaced)
    ids = {**PLAIN, **world.ids, **replaced}
    path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], address)
    body = {name: _filled(value, ids) for name, value in rule.body.items()}
    cookies = visitor.client.cookies.copy()
    with transaction.atomic():
        if address.startswith("/api/"):
            answer = visitor.client.generic(
                method, path, json.dumps(body), content_type="application/json", QUERY_STRING=rule.query
            )
        elif method == "POST":
            answer = visitor.client.post(path, body)
        else:
            answer = visitor.client.generic(method, path, QUERY_STRING=rule.query)
        transaction.set_rollback(True)
    visitor.client.cookies = cookies
    return answer


def _filled(value, ids):
    if isinstance(value, list):
        return [_filled(each, ids) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, ids) for name, each in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


def text_of(answer) -> str:
    """Everything an answer tells, without what differs from request to request."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode(errors="replace") + " ".join(f"{name}: {value}" for name, value in answer.items())


def without_sign_in_names(world: World, rule: Rule, text: str) -> str:
    for name in world.on_sign_in_page if rule.is_sign_in_page else ():
        text = text.replace(name, "")
    return text


def may(visitor: Visitor, rule: Rule) -> bool:
    granted = ROLES.get(visitor.role, frozenset())
    if not rule.permission:
        return True
    if rule.of_all and visitor.name == LIMITED:
        return False
    return rule.permission in granted and (visitor.scopes is None or rule.permission in visitor.scopes)


def is_inside(visitor: Visitor, address: str) -> bool:
    """Whether the visitor may know that what the address names exists."""
    if visitor.name == LIMITED:
        of_another = ("{tenant_id}", "{operation_id}", "{alert_id}", "{suppression_id}", "{fleet_view_id}")
        return not any(each in address for each in of_another)
    if visitor.name == "maria" and "{client_id}" in address:
        return False  # grants are not transitive: an MSP never reaches its clients' clients
    return bool(visitor.role)


def permitted(world: World, address: str) -> Visitor:
    """Somebody whom the address opens."""
    return world.visitors["acme's directory" if address.startswith("/scim/") else "alice"]


def visitors_of(world: World, address: str) -> list[Visitor]:
    return [each for each in world.visitors.values() if address.startswith(PROGRAMS) or not each.api_only]


def walkers(world: World, address: str) -> list[Visitor]:
    visitors = visitors_of(world, address)
    return [each for each in visitors if connection.vendor == "sqlite" or each.name in ON_POSTGRES]


def test_every_route_has_an_entry_and_every_entry_a_route():
    assert django_routes() - set(MATRIX) == set(), "a route without an entry in tests/isolation/matrix_*.py"
    assert set(MATRIX) - django_routes() == set(), "an entry without a route"


def test_every_operation_of_the_contract_has_an_entry():
    entries = {(method, address) for address, method, _ in CASES if address.startswith("/api/v1/")}
    assert portal_operations() - entries == set()
    assert entries - portal_operations() <= {("GET", "/api/v1/openapi.json")}


@queries_alone
@pytest.mark.parametrize("address", sorted(set(MATRIX) - UNREACHABLE))
def test_other_methods_than_the_entrys_are_refused(world, address):
    for method in set(METHODS) - set(MATRIX[address]):
        answer = send(world, permitted(world, address), address, method, Rule())
        assert answer.status_code in (404, 405), (method, answer.status_code)


@pytest.mark.parametrize(
    ("address", "method", "rule"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
class TestEveryRoute:
    def test_it_answers_everybody_as_the_matrix_says_and_outsiders_nothing(self, world, address, method, rule):
        for visitor in walkers(world, address):
            answer = send(world, visitor, address, method, rule)
            expected = _expected(visitor, address, rule)
            assert answer.status_code in expected, f"{visitor.name}: not one of {sorted(expected)}"
            if not visitor.role:
                assert CANARY not in without_sign_in_names(world, rule, text_of(answer)), visitor.name

    @queries_alone
    def test_outsiders_can_not_tell_a_foreign_thing_from_none(self, world, address, method, rule):
        if not (rule.inside or rule.scim) or "{" not in address:
            return
        strangers = ("mallory", "mallory's key", "rival's directory") if address.startswith(PROGRAMS) else ("mallory",)
        for name in strangers:
            visitor = world.visitors[name]
            foreign = send(world, visitor, address, method, rule)
            missing = send(world, visitor, address, method, rule, **_made_up(world))
            assert foreign.status_code == missing.status_code
            assert _comparable(foreign) == _comparable(missing)


@queries_alone
@pytest.mark.parametrize(
    ("address", "method", "rule"),
    [case for case in CASES if case[2].inside and "{organization_id}" in case[0]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_client_sees_nothing_inside_its_msp(world, address, method, rule):
    for name in ("alice", "vera", "alice's key") if address.startswith("/api/") else ("alice", "vera"):
        answer = send(world, world.visitors[name], address, method, rule, **world.ids_of_msp)
        assert answer.status_code == 404, name
        assert CANARY not in text_of(answer), name


@queries_alone
@pytest.mark.parametrize(
    ("address", "method", "rule"),
    [case for case in CASES if case[2].inside and case[2].permission],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_has_not_chosen_to_work_in_a_client_reads_and_does_nothing_in_it(world, address, method, rule):
    answer = send(world, world.undecided, address, method, rule)
    if (address, method) in FLEET_WIDE:
        assert answer.status_code == 200
        return
    assert CANARY not in text_of(answer)
    if answer.status_code == 302:
        assert answer["Location"].startswith(f"/o/{world.ids['organization_id']}/work/?")
        return
    assert answer.status_code == 403
    if may(world.undecided, rule):
        assert answer.json()["code"] == "CHOOSE_CLIENT"


def _expected(visitor: Visitor, address: str, rule: Rule) -> set[int]:
    done = {200, 201, 202, 204, 302, 303, 400, 409, 422} | ({503} if rule.edge else set())
    if rule.scim:
        return done | {404, 415} if visitor.directory == "acme" else {401}
    if visitor.directory and rule.signed_in:
        return {401}
    if visitor.name == "nobody" and rule.signed_in:
        return {401} if address.startswith("/api/") else {302, 303, 403, 404}
    if not rule.inside:
        return done | {403, 404}
    if not is_inside(visitor, address):
        return {404}
    return done if may(visitor, rule) else {403}


def _made_up(world: World) -> dict[str, str]:
    """Ids of the right form that were never given."""
    return {name: re.sub(r"[a-z2-7](?=[a-z2-7]*$)", "q", value) for name, value in world.ids.items()} | {
        "number": "777"
    }


def _comparable(answer) -> str:
    return re.sub(r"[a-z2-7]{20,}|\"request_id\": \"[^\"]*\"", "…", answer.content.decode())


def test_the_canary_is_there_to_be_seen(world):
    """Otherwise the tests above would prove nothing."""
    alice = world.visitors["alice"]
    shown = [
        address
        for address, method, rule in CASES
        if method == "GET" and CANARY in text_of(send(world, alice, address, method, rule))
    ]
    assert len(shown) > 15, shown


def send_scim(world: World, visitor: Visitor, address: str, method: str, rule: Rule, **replaced: str):
    """Sends one request to a directory and undoes what it did."""
    ids = {**PLAIN, **world.ids, **replaced}
    path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], address)
    with transaction.atomic():
        answer = visitor.client.generic(method, path, json.dumps(rule.body), content_type="application/json")
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize(
    ("address", "method", "rule"),
    [case for case in CASES if case[2].scim],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_directorys_token_opens_no_other_directory(world, address, method, rule):
    for theirs in (world.ids_of_msp, {**world.ids_of_msp, "connection_id": "conn_" + "q" * 20}):
        answer = send(world, world.visitors["acme's directory"], address, method, rule, **theirs)
        assert answer.status_code == 401
        assert CANARY not in text_of(answer)
