"""The REST API of tenants: the same actions and queries as the pages, through a program's door."""

import pytest

from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import reconcile
from tests.database import all_rows
from tests.tenants.conftest import deliver, read_feed
from tests.tenants.edge_life import NOW

pytestmark = pytest.mark.django_db


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
    binned = api.send("DELETE", f"tenants/{tenant['id']}", {"confirm_name": "Office"})
    assert (binned.status_code, binned.json()["tenant"]["status"]) == (202, "binned")
    assert api.get("tenants").json()["results"] == []
    assert [each["id"] for each in api.get("tenants", deleted="bin").json()["results"]] == [tenant["id"]]
    assert api.post(f"tenants/{tenant['id']}/undelete").json()["operation"]["kind"] == "undelete"
    assert api.post(f"tenants/{tenant['id']}/erase", {"confirm_name": "Office"}).status_code == 409
    api.send("DELETE", f"tenants/{tenant['id']}", {"confirm_name": "Office"})
    assert api.post(f"tenants/{tenant['id']}/erase", {"confirm_name": "Office"}).status_code == 202
    reconcile(tenant["id"])
    edge.finish(tenant["id"])
    read_feed()
    assert api.get("tenants", deleted="bin").json()["results"] == []
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
    with django_assert_max_num_queries(18) as few:
        api.get("tenants", limit=1)
    with django_assert_max_num_queries(len(few.captured_queries)):
        api.get("tenants", limit=50)
    with django_assert_max_num_queries(18) as few:
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


def test_the_dashboard_answers_a_code_and_the_stream_a_credential(api, running):
    code = api.post(f"tenants/{running.pk}/dashboard")
    assert (code.status_code, sorted(code.json())) == (201, ["code", "expires_at", "post_to", "variant"])
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


def test_a_tenant_shows_how_its_nodes_are_and_when_ingest_was_verified(api, running, edge):
    assert api.get(f"tenants/{running.pk}").json()["ingest_verified_at"] is None
    health = {"state": "warning", "detail": {"code": "DISK_FILLING", "message": "…"}, "since": NOW, "checked_at": NOW}
    view = edge.views[running.pk]
    view["nodes"], view["ingest"] = [{"role": "indexer", "n": 0, "health": health}], {"verified_at": NOW}
    edge.publish(running.pk)
    read_feed()
    shown = api.get(f"tenants/{running.pk}").json()
    assert shown["nodes"][0]["health"] == health
    assert shown["ingest_verified_at"] == NOW
