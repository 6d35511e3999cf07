"""What the REST API can not use is refused with a clear answer that names the field."""

import pytest

from tenants.provisioning.models import Tenant
from tests.database import all_rows

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("organization", {"organization": "org_none"}),
        ("organization", {"organization": None}),
        ("name", {"name": ""}),
        ("name", {"name": "a" * 81}),
        ("name", {"name": ["a"]}),
        ("plan", {"plan": "large"}),
        ("version", {"version": "1.0"}),
        ("certificate_days", {"certificate_days": 0}),
        ("certificate_days", {"certificate_days": 10**9}),
        ("certificate_days", {"certificate_days": "soon"}),
        ("retention_days", {"retention_days": 31}),
        ("max_agents", {"max_agents": -1}),
    ],
)
def test_bad_input_is_a_clear_answer_that_names_the_field(api, acme, field, change):
    answer = api.post("tenants", {"organization": acme.pk, "name": "Office", **change})
    problem = answer.json()
    assert 400 <= answer.status_code < 500
    assert answer.status_code == 404 or problem["errors"][0]["field"] == field
    with all_rows():
        assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b'{"organization": "o", "name": "a\\u0000b"}',
        b'{"organization": "o", "name": "\\ud800"}',
        b'{"name": "\xff"}',
        b'{"organization": "o", "name": "n", "certificate_days": 1000000000000000000000000000000}',
        b"[1, 2]",
        b"{",
        b"null",
        b'{"organization": "o", "name": "' + b"a" * 2_000_000 + b'"}',
    ],
)
def test_what_can_not_be_read_is_refused(api, body):
    answer = api.post("tenants", body)
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query", [{"observed": "sleepy"}, {"name": "a" * 129}, {"deleted": "maybe"}, {"cursor": "x"}, {"limit": "0"}]
)
def test_a_filter_that_can_not_be_is_refused(api, query):
    answer = api.get("tenants", **query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(query)) or "cursor" in query


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("name", {}),
        ("expires_in_days", {"name": "x", "expires_in_days": 366}),
        ("expires_in_days", {"name": "x", "expires_in_days": 0}),
        ("max_uses", {"name": "x", "max_uses": 0}),
        ("groups", {"name": "x", "groups": ["a b"]}),
        ("labels", {"name": "x", "labels": {"A": "b"}}),
        ("labels.site", {"name": "x", "labels": {"site": "a" * 65}}),
    ],
)
def test_a_bad_token_request_names_the_field(api, running, field, body):
    answer = api.post(f"tenants/{running.pk}/tokens", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
