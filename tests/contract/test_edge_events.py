"""Followers of a tenant's event stream against the real edge, over HTTP as any client has it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.contract.edge_process import Edge
from tests.contract.edge_visitors import new_tenant, new_token, scoped_token


@contextmanager
def following(edge: Edge, tenant: str, query: str = "", last: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    """The messages of a stream of Server-Sent Events as they come."""
    headers = {"authorization": f"Bearer {scoped_token(edge, tenant)}", "accept": "text/event-stream"}
    if last is not None:
        headers["last-event-id"] = str(last)
    with httpx.stream("GET", f"{edge.url}/api/events{query}", headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        yield messages(answer.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield {**fields, "data": json.loads(fields.get("data", "null"))}
            fields = {}


def audited(stream: Iterator[dict[str, Any]], action: str) -> tuple[int, dict[str, Any]]:
    """The next record of an action, and the id to go on from."""
    for message in stream:
        for event in (message["data"] or {}).get("events", []):
            if event["data"]["action"] == action:
                return int(message["id"]), event["data"]
    raise AssertionError(f"the stream ended without {action}")


def ended(edge: Edge, tenant: str) -> int:
    """How many followers there were to end."""
    revoke = {"epoch": 1, "idempotency_key": "one", "before": "2999-01-01T00:00:00Z", "subject": "usr_alice"}
    return int(edge.call("POST", f"/v1/tenants/{tenant}/revocations", revoke, key=edge.access).json()["closed"])


def test_a_follower_over_plain_http_hears_what_was_and_what_comes_and_goes_on_where_it_was(edge: Edge) -> None:
    tenant = new_tenant(edge)
    with following(edge, tenant, "?after=0&kind=audit") as stream:
        _, record = audited(stream, "tenant.specified")
        assert record["chain"]["position"] == 1
        new_token(edge, tenant)
        last, record = audited(stream, "token.registered")
        assert record["chain"]["position"] == 2
    new_token(edge, tenant)
    with following(edge, tenant, "?after=0&kind=audit", last) as stream:
        _, record = audited(stream, "token.registered")
        assert record["chain"]["position"] == 3


def test_followers_that_leave_without_a_word_are_forgotten(edge: Edge) -> None:
    tenant = new_tenant(edge)
    for _ in range(20):
        with following(edge, tenant, "?kind=audit"):
            pass
    with following(edge, tenant, "?kind=audit") as stream:
        new_token(edge, tenant)
        audited(stream, "token.registered")
        assert ended(edge, tenant) == 1


def test_a_follower_is_let_go_by_a_revocation_and_told_so(edge: Edge) -> None:
    tenant = new_tenant(edge)
    with following(edge, tenant, "?kind=audit&after=0") as stream:
        audited(stream, "tenant.specified")
        assert ended(edge, tenant) == 1
        last = [message for message in stream if message.get("event") == "end"]
    assert last[0]["data"]["code"] == 4401
