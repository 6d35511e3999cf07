"""What a request would do, told before it is done: by the API's validate_only, and beside the pages' buttons."""

import pytest

from billing.models import Plan, Subscription
from controlplane.models import AuditEntry, Message, RememberedAnswer
from tenants.protection.backups.models import Backup
from tenants.provisioning.effects import EFFECTS
from tenants.provisioning.kinds import KINDS
from tenants.provisioning.models import Cell, Operation, Step, Tenant
from tests.cast import session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, read_feed

pytestmark = pytest.mark.django_db


@pytest.fixture
def priced(acme, running, edge) -> Plan:
    """Acme on a plan with a price, and a larger one beside it."""
    with all_rows():
        Plan.objects.exclude(code="trial").update(offered=False)
        trial = Plan.objects.get(code="trial")
        Plan.objects.filter(pk="trial").update(price_cents=5000, max_tenants=5)
        indexer = {"count": 1, "instance": "standard-4"}
        large = Plan(pk="large", name="Large", price_cents=9000, roles={**trial.roles, "indexer": indexer})
        for name in ("max_tenants", "max_agents", "max_retention_days"):
            setattr(large, name, getattr(trial, name) + 5)
        large.save()
    edge.backed_up(running.pk, "bak_" + "d" * 20)
    read_feed()
    return large


def rows() -> dict[str, list]:
    """Everything that an operation could leave behind."""
    with all_rows():
        kept = {model.__name__: list(model.objects.order_by("pk").values()) for model in (Tenant, Operation, Step)}
        more = (Backup, AuditEntry, Message, RememberedAnswer, Subscription, Cell)
        return kept | {model.__name__: list(model.objects.order_by("pk").values()) for model in more}


CALLS = {
    "create": ("POST", "tenants", lambda acme: {"organization": acme.pk, "name": "More"}, (0, 5000, 5000, 10_000)),
    "clone": ("POST", "/clone", lambda _: {"backup": "bak_" + "d" * 20, "name": "More"}, (0, 5000, 5000, 10_000)),
    "restore": (
        "POST",
        "/restore",
        lambda _: {"backup": "bak_" + "d" * 20, "confirm_name": "Office"},
        (5000, 5000, 5000, 5000),
    ),
    "upgrade": ("POST", "/upgrade", lambda _: {"version": "4.14.6"}, (5000, 5000, 5000, 5000)),
    "resize": ("POST", "/resize", lambda _: {"plan": "large"}, (5000, 9000, 5000, 9000)),
    "stop": ("POST", "/stop", lambda _: {}, (5000, 0, 5000, 0)),
    "delete": ("DELETE", "", lambda _: {"confirm_name": "Office"}, (5000, 0, 5000, 0)),
}


@pytest.mark.parametrize("kind", CALLS)
def test_what_would_happen_is_told_with_its_price_and_nothing_happens(kind, api, acme, running, priced, edge):
    method, path, body, price = CALLS[kind]
    address = path if path == "tenants" else f"tenants/{running.pk}{path}"
    before, calls = rows(), len(edge.calls)
    for _ in range(2):
        answer = api.send(method, f"{address}?validate_only=true", body(acme), **{"Idempotency-Key": "the-same"})
        assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["kind"], [step["name"] for step in told["steps"]]) == (kind, list(KINDS[kind].steps))
    assert tuple(value for name, value in told["price_a_month"].items() if name != "currency") == price
    assert told["restarts"] == list(EFFECTS[kind].restarts)
    assert (rows(), len(edge.calls)) == (before, calls)
    done = api.send(method, address, body(acme), **{"Idempotency-Key": "the-same"})
    assert (done.status_code, done.json()["operation"]["kind"]) == (202, kind)
    assert "Idempotent-Replayed" not in done


def test_it_is_refused_for_what_the_real_thing_is_refused_for(api, outsider, running, priced):
    wrong = api.send("POST", f"tenants/{running.pk}/upgrade?validate_only=true", {"version": "9.9.9"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "version")
    assert outsider.send("POST", f"tenants/{running.pk}/stop?validate_only=true", {}).status_code == 404
    with all_rows():
        Subscription.objects.update(tenants_used=5)
    full = api.send("POST", "tenants?validate_only=true", {"organization": running.organization_id, "name": "More"})
    assert (full.status_code, full.json()["code"]) == (409, "QUOTA_EXCEEDED")


@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("POST", "/backups"), ("GET", "/backups")])
def test_whoever_asks_for_no_effect_where_that_is_not_told_gets_none(api, running, method, path):
    before = rows()
    answer = api.send(method, f"tenants/{running.pk}{path}?validate_only=true", {"protected": True})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "validate_only")
    assert rows() == before
    assert api.send("POST", f"tenants/{running.pk}/stop?validate_only=yes", {}).status_code == 400


def test_every_kind_that_can_be_asked_for_says_what_it_means():
    assert set(EFFECTS) == set(KINDS)


def test_another_plan_changes_sizes_and_price_together(running, priced, alice, edge):
    client = session_of(alice)
    page = client.get(f"/t/{running.pk}/resize/").content.decode()
    assert "This tenant $50 → $90, the organization $50 → $90" in page
    assert "The tenant has these sizes." in page
    assert page.count("Restarts") == 1, "what can't be asked for says no effect"
    client.post(f"/t/{running.pk}/resize/", {"plan": "large"})
    assert fresh(running).spec["roles"]["indexer"]["instance"] == "standard-4"
    with all_rows():
        assert Subscription.objects.get(organization=running.organization_id).plan_id == "large"


def test_a_plan_is_changed_by_who_manages_billing_and_to_one_on_offer(api, running, priced, bob):
    assert session_of(bob).post(f"/t/{running.pk}/resize/", {"plan": "large"}).status_code == 403
    unknown = api.post(f"tenants/{running.pk}/resize", {"plan": "gone"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "plan")
    with all_rows():
        Tenant.objects.update(spec={**running.spec, "retention_days": 3650})
    large = api.post(f"tenants/{running.pk}/resize", {"plan": "large"})
    assert (large.status_code, large.json()["code"]) == (422, "PLAN_TOO_LARGE")
    with all_rows():
        assert Subscription.objects.get(organization=running.organization_id).plan_id == "trial"


def test_pages_tell_it_beside_their_buttons(running, priced, alice):
    client = session_of(alice)
    pages = {
        f"/o/{running.organization_id}/tenants/new/": "This tenant Free → $50, the organization $50 → $100",
        f"/t/{running.pk}/settings/": "This tenant $50 → Free, the organization $50 → Free",
        f"/t/{running.pk}/backups/bak_{'d' * 20}/": "Stays as it is: $50",
    }
    for address, words in pages.items():
        page = client.get(address).content.decode()
        assert words in page, address
        assert "Point of no return" in page
