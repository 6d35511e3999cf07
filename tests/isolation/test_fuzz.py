"""What the contract allows, and what it does not, sent by everybody: no fault of ours, and no answer that it hides."""

import datetime as dt
import json
import os
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import CheckContext, CheckFunction, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from organizations.models import Organization, User
from tests.cast import join, person, session_of
from tests.isolation.routes import CONTRACTS
from tests.isolation.test_matrix import dns_is_empty, edge_is_away
from tests.isolation.world import Visitor, World, world

pytestmark = pytest.mark.sqlite
__all__ = ["dns_is_empty", "edge_is_away", "world"]

CONTRACT = json.loads((CONTRACTS / "portal-api.json").read_text())
OPERATIONS = {each.ok().label: each.ok() for each in from_dict(CONTRACT).get_all_operations()}
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""For each operation and kind of input; `make fuzz` sends many more."""


def no_fault_of_ours(context: CheckContext, answer: Response, case: schemathesis.Case) -> bool | None:
    """The edge is away here. An answer that says so, where the contract tells of it, is no fault."""
    if answer.status_code == 503 and "503" in CONTRACT["paths"][case.operation.path][case.method.lower()]["responses"]:
        return None
    return not_a_server_error(context, answer, case)


CHECKS = (
    no_fault_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)
PARTS = ("method", "url", "headers", "params", "json", "data")
ALL = list(HealthCheck)
WHO = ("alice", "bob", "vera", "maria", "mallory", "alice's key", "alice's narrow key", "nobody")


def answer_to(visitor: Visitor, case: schemathesis.Case) -> httpx.Response:
    """Sends what the case holds as the visitor, and undoes what it did."""
    given_ = case.as_transport_kwargs(base_url="http://testserver")
    sent = requests.Request(**{name: given_[name] for name in PARTS if name in given_}).prepare()
    address, cookies = urlsplit(str(sent.url)), visitor.client.cookies.copy()
    with transaction.atomic():
        got = visitor.client.generic(
            str(sent.method),
            address.path,
            sent.body or b"",
            sent.headers.get("Content-Type", "application/json"),
            QUERY_STRING=address.query,
            headers={name: text for name, text in sent.headers.items() if name == "Idempotency-Key"},
        )
        content = b"".join(got.streaming_content) if got.streaming else got.content
        transaction.set_rollback(True)
    visitor.client.cookies = cookies
    answer = httpx.Response(got.status_code, headers=list(got.items()), content=content)
    answer.request, answer.elapsed = httpx.Request(str(sent.method), str(sent.url)), dt.timedelta()
    return answer


@pytest.fixture(scope="module")
def everybody(world: World) -> list[Visitor]:
    """One of each role, of each way in, and strangers."""
    alice, acme = (
        User.objects.get(email="alice@example.test"),
        Organization.objects.get(pk=world.ids["organization_id"]),
    )
    more = []
    for role in ("admin", "billing"):
        somebody = person(f"{role}-of-acme")
        join(acme, invited_by=alice, user=somebody, role=role)
        more.append(Visitor(role, session_of(somebody), role=role))
    return [*(world.visitors[name] for name in WHO), *more]


def send_much(world: World, everybody: list[Visitor], label: str, mode: GenerationMode, *checks: CheckFunction) -> None:
    """Sends what is generated for one operation, to what there is as well, as somebody of each kind."""
    operation = OPERATIONS[label]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=ALL)
    @given(case=operation.as_strategy(generation_mode=mode), ours=st.booleans(), who=st.sampled_from(everybody))
    def send(case: schemathesis.Case, ours: bool, who: Visitor) -> None:
        if ours:
            case.path_parameters = {name: world.ids[name] for name in case.path_parameters}
        case.validate_response(answer_to(who, case), checks=[*CHECKS, *checks])

    send()


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_what_the_contract_allows_is_answered_as_it_says(world: World, everybody: list[Visitor], label: str) -> None:
    send_much(world, everybody, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_what_the_contract_does_not_allow_is_refused(world: World, everybody: list[Visitor], label: str) -> None:
    send_much(world, everybody, label, GenerationMode.NEGATIVE, negative_data_rejection)
