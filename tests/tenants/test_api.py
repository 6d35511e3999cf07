"""The REST API of tenants: the same actions and queries as the pages, through a program's door."""

import datetime as dt
import json

import pytest
from django.test import Client

from controlplane import rls
from organizations.actions import keys
from organizations.permissions import PERMISSIONS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed

pytestmark = pytest.mark.django_db


class Program:
    """Somebody's program with an API key."""

    def __init__(self, secret: str) -> None:
        self.client, self.bearer = Client(), {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **query: object):
        return self.client.get(f"/api/v1/{path}", query, headers=self.bearer)

    def send(self, method: str, path: str, body: object = None, **headers: str):
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.generic(
            method, f"/api/v1/{path}", content, "application/json", headers={**self.bearer, **headers}
        )

    def post(self, path: str, body: object = None, **headers: str):
        return self.send("POST", path, body, **headers)


@pytest.fixture
def program_of():
    def make(user, organization, scopes=PERMISSIONS, **more) -> Program:
        actor = actor_for(user)
        life = dt.timedelta(days=1)
        with rls.acting_as(actor.rls_actor):
            _, secret = keys.create(
                by=actor, organization=organization, name="test", scopes=scopes, expires_in=life, **more
            )
        return Program(secret)

    return make


@pytest.fixture
def api(program_of, alice, acme, cell, edge) -> Program:
    return program_of(alice, acme)


@pytest.fixture
def outsider(program_of, mallory, rival, cell, edge) -> Program:
    return program_of(mallory, rival)


def test_a_tenant_is_asked_for_followed_and_deleted(api, acme, edge):
    answer = api.post("tenants", {"organization": acme.pk, "name": "Office", "certificate_days": 7})
    assert answer.status_code == 202
    tenant, operation = answer.json()["tenant"], answer.json()["operation"]
    assert answer["Location"] == f"/api/v1/operations/{operation['id']}"
    assert (tenant["status"], tenant["runtime"], tenant["version"]) == ("provisioning", "stand-in", "4.14.7")
    assert tenant["plan"]["certificate_days"] == 7
    assert [step["name"] for step in operation["steps"]][:2] == ["submit", "certs"]
    reconcile(tenant["id"])
    edge.finish(tenant["id"])
    read_feed()
    assert api.get(f"operations/{operation['id']}").json()["state"] == "succeeded"
    assert api.get(f"tenants/{tenant['id']}").json()["status"] == "running"
    refused = api.send("DELETE", f"tenants/{tenant['id']}", {"confirm_name": "office"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "confirm_name")
    assert api.send("DELETE", f"tenants/{tenant['id']}", {"confirm_name": "Office"}).status_code == 202
    reconcile(tenant["id"])
    edge.finish(tenant["id"])
    read_feed()
    assert api.get(f"tenants/{tenant['id']}").json()["status"] == "deleted"
    assert api.get("tenants").json()["results"] == []
    assert [each["id"] for each in api.get("tenants", deleted="true").json()["results"]] == [tenant["id"]]


def test_the_same_request_with_the_same_key_makes_one_tenant(api, acme):
    body = {"organization": acme.pk, "name": "Office"}
    first = api.post("tenants", body, **{"Idempotency-Key": "k1"})
    again = api.post("tenants", body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = api.post("tenants", {**body, "name": "Branch"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 422
    with all_rows():
        assert Tenant.objects.count() == 1


def test_stopping_starting_retrying_and_cancelling(api, running, edge):
    stopped = api.post(f"tenants/{running.pk}/stop")
    assert stopped.status_code == 202
    assert stopped.json()["tenant"]["status"] == "stopping"
    busy = api.post(f"tenants/{running.pk}/start")
    assert (busy.status_code, busy.json()["code"]) == (409, "OPERATION_IN_PROGRESS")
    operation = stopped.json()["operation"]["id"]
    assert api.post(f"operations/{operation}/retry").status_code == 409
    cancelled = api.post(f"operations/{operation}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    api.post(f"tenants/{running.pk}/stop")
    reconcile(running.pk)
    edge.break_run(running.pk, "manager")
    read_feed()
    (failed,) = api.get("operations", state="failed", tenant=running.pk).json()["results"]
    retried = api.post(f"operations/{failed['id']}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")


ROUTES = [
    ("GET", "tenants/{tenant}", None),
    ("PATCH", "tenants/{tenant}", {"protected": True}),
    ("DELETE", "tenants/{tenant}", {"confirm_name": "Office"}),
    ("POST", "tenants/{tenant}/start", None),
    ("POST", "tenants/{tenant}/stop", None),
    ("GET", "tenants/{tenant}/tokens", None),
    ("POST", "tenants/{tenant}/tokens", {"name": "x"}),
    ("GET", "tenants/{tenant}/agents", None),
    ("POST", "tenants/{tenant}/agents/001/quarantine", {"reason": "x"}),
    ("GET", "tenants/{tenant}/refusals", None),
    ("GET", "tenants/{tenant}/revocations", None),
    ("POST", "tenants/{tenant}/dashboard", None),
    ("POST", "tenants/{tenant}/events-token", None),
    ("GET", "operations/{operation}", None),
    ("POST", "operations/{operation}/retry", None),
    ("POST", "operations/{operation}/cancel", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_tenant_of_others_is_not_there(outsider, running, edge, method, path, body):
    with all_rows():
        operation = Operation.objects.get().pk
    calls = len(edge.calls)
    answer = outsider.send(method, path.format(tenant=running.pk, operation=operation), body)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "Office" not in answer.content.decode()
    assert len(edge.calls) == calls


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_key_that_is_limited_to_other_tenants_does_not_reach_this_one(
    program_of, alice, acme, running, method, path, body
):
    limited = program_of(alice, acme, tenant_ids=["lo" + "b" * 24])
    with all_rows():
        operation = Operation.objects.get().pk
    assert limited.send(method, path.format(tenant=running.pk, operation=operation), body).status_code == 404


@pytest.mark.parametrize(
    ("path", "tenant_id"), [("tenants/{}", "lo" + "a" * 24), ("tenants/{}", "x"), ("operations/{}", "op_none")]
)
def test_a_guessed_id_is_not_there(api, path, tenant_id):
    assert api.get(path.format(tenant_id)).status_code == 404


def test_a_key_does_what_its_scopes_say(program_of, alice, acme, running):
    reader = program_of(alice, acme, scopes=["tenant.view", "token.view"])
    assert reader.get(f"tenants/{running.pk}").status_code == 200
    assert reader.get(f"tenants/{running.pk}/tokens").status_code == 200
    assert reader.get(f"tenants/{running.pk}/agents").status_code == 403
    assert reader.post(f"tenants/{running.pk}/stop").status_code == 403
    blind = program_of(alice, acme, scopes=["member.view"])
    assert blind.get("tenants").status_code == 403


def test_without_a_key_there_is_nothing(running):
    assert Client().get("/api/v1/tenants").status_code == 401


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
    "query", [{"observed": "sleepy"}, {"name": "a" * 81}, {"deleted": "maybe"}, {"cursor": "x"}, {"limit": "0"}]
)
def test_a_filter_that_can_not_be_is_refused(api, query):
    answer = api.get("tenants", **query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(query)) or "cursor" in query


def test_lists_are_narrowed_and_paged(api, acme, new_tenant):
    made = [new_tenant(f"Site {number}")[0].pk for number in range(3)]
    first = api.get("tenants", limit=2).json()
    rest = api.get("tenants", limit=2, cursor=first["next"]).json()
    assert [each["id"] for each in first["results"] + rest["results"]] == made[::-1]
    assert rest["next"] is None
    assert [each["name"] for each in api.get("tenants", name="site 1").json()["results"]] == ["Site 1"]
    assert api.get("tenants", organization="org_other").json()["results"] == []
    assert len(api.get("operations", kind="create", organization=acme.pk).json()["results"]) == 3


def test_a_page_costs_the_same_number_of_queries_however_many_rows(
    api, acme, new_tenant, django_assert_max_num_queries
):
    for number in range(3):
        new_tenant(f"Site {number}")
    api.get("tenants")  # the first use of a key is noted
    with django_assert_max_num_queries(16) as few:
        api.get("tenants", limit=1)
    with django_assert_max_num_queries(len(few.captured_queries)):
        api.get("tenants", limit=50)
    with django_assert_max_num_queries(16) as few:
        api.get("operations", limit=1)
    with django_assert_max_num_queries(len(few.captured_queries)):
        api.get("operations", limit=50)


def test_a_token_shows_its_secret_once(api, running, edge):
    made = api.post(f"tenants/{running.pk}/tokens", {"name": "Servers", "expires_in_days": 7, "max_uses": 3})
    assert made.status_code == 201
    token = made.json()
    assert token["secret"].startswith(f"enr_{running.pk}_{token['id']}_")
    assert (token["state"], token["pending"], token["remaining"]) == ("active", True, 3)
    deliver()
    shown = api.get(f"tenants/{running.pk}/tokens/{token['id']}").json()
    assert shown["pending"] is False
    assert "secret" not in shown
    assert "secret" not in api.get(f"tenants/{running.pk}/tokens").json()["results"][0]
    revoked = api.send("DELETE", f"tenants/{running.pk}/tokens/{token['id']}")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")


def test_a_repeated_token_request_brings_the_same_secret_again(api, running):
    path, headers = f"tenants/{running.pk}/tokens", {"Idempotency-Key": "t1"}
    first = api.post(path, {"name": "Servers"}, **headers).json()
    assert api.post(path, {"name": "Servers"}, **headers).json() == first


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


def test_the_dashboard_answers_a_code_and_the_stream_a_credential(api, running):
    code = api.post(f"tenants/{running.pk}/dashboard")
    assert (code.status_code, sorted(code.json())) == (201, ["code", "expires_at", "post_to"])
    stream = api.post(f"tenants/{running.pk}/events-token")
    assert (stream.status_code, sorted(stream.json())) == (201, ["expires_at", "token", "url"])


def test_protection_holds_until_it_is_lifted(api, running):
    assert api.send("PATCH", f"tenants/{running.pk}", {"protected": True}).json()["protected"] is True
    refused = api.send("DELETE", f"tenants/{running.pk}", {"confirm_name": "Office"})
    assert (refused.status_code, refused.json()["code"]) == (409, "TENANT_PROTECTED")


def test_plans_and_the_subscription_are_shown(api, acme, running):
    plans = api.get("plans").json()
    assert [plan["code"] for plan in plans] == ["trial", "standard", "large"]
    held = api.get(f"organizations/{acme.pk}/subscription").json()
    assert (held["plan"]["code"], held["tenants_used"], held["state"]) == ("trial", 1, "active")
