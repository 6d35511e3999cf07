"""The REST API shows and does what its key may, and nothing of others."""

import pytest
from django.test import Client

from organizations.permissions import OF_TENANTS
from tenants.provisioning.models import Operation
from tests.database import all_rows

pytestmark = pytest.mark.django_db


ROUTES = [
    ("GET", "tenants/{tenant}", None),
    ("PATCH", "tenants/{tenant}", {"protected": True}),
    ("DELETE", "tenants/{tenant}", {"confirm_name": "Office"}),
    ("POST", "tenants/{tenant}/start", None),
    ("POST", "tenants/{tenant}/stop", None),
    ("POST", "tenants/{tenant}/rotate-certificates", None),
    ("POST", "tenants/{tenant}/upgrade", {"version": "4.14.6"}),
    ("POST", "tenants/{tenant}/rollback", None),
    ("POST", "tenants/{tenant}/resize", None),
    ("POST", "tenants/{tenant}/sleep", None),
    ("POST", "tenants/{tenant}/wake", None),
    ("POST", "tenants/{tenant}/rotate-credentials", None),
    ("POST", "tenants/{tenant}/certs-token", None),
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


def test_a_tenant_of_others_is_not_there(outsider, running, edge):
    with all_rows():
        operation = Operation.objects.get().pk
    calls = len(edge.calls)
    for method, path, body in ROUTES:
        answer = outsider.send(method, path.format(tenant=running.pk, operation=operation), body)
        assert answer.status_code == 404, (method, path)
        assert answer["Content-Type"] == "application/problem+json"
        assert "Office" not in answer.content.decode()
    assert len(edge.calls) == calls


def test_a_key_that_is_limited_to_other_tenants_does_not_reach_this_one(program_of, alice, acme, running):
    limited = program_of(alice, acme, scopes=OF_TENANTS, tenant_ids=["lo" + "b" * 24])
    with all_rows():
        operation = Operation.objects.get().pk
    for method, path, body in ROUTES:
        answer = limited.send(method, path.format(tenant=running.pk, operation=operation), body)
        assert answer.status_code == 404, (method, path)


def test_a_key_without_the_scope_hears_the_same_of_a_tenant_of_others_as_of_none(program_of, mallory, rival, running):
    narrow = program_of(mallory, rival, scopes=["member.view"])
    with all_rows():
        operation = Operation.objects.get().pk
    for there, missing in ((f"tenants/{running.pk}", "tenants/x"), (f"operations/{operation}", "operations/x")):
        assert narrow.get(there).status_code == narrow.get(missing).status_code == 403


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
