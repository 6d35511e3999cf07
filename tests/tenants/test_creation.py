"""Asking for a tenant: what may be chosen, who may, and how many there may be."""

import pytest
from structlog.testing import capture_logs

from billing.models import Subscription
from billing.problems import QuotaExceeded, Suspended
from controlplane import rls
from controlplane.problems import Forbidden, Invalid, NotFound
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.problems import (
    CellFull,
    InvalidPlan,
    NameTaken,
    PlanTooLarge,
)
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.tenants.conftest import read_feed

pytestmark = pytest.mark.django_db


def test_a_name_is_taken_once_in_an_organization_until_its_tenant_is_erased(running, edge, acme, as_alice):
    with pytest.raises(NameTaken) as refused:
        actions.create(by=as_alice, organization=acme, name=" Office ")
    assert refused.value.field == "name"
    deletion.delete(by=as_alice, tenant=running, confirm_name="Office")
    with pytest.raises(NameTaken, match="in the recycle bin"):
        actions.create(by=as_alice, organization=acme, name="Office")
    deletion.erase(by=as_alice, tenant=running, confirm_name="Office")
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    again, _ = actions.create(by=as_alice, organization=acme, name="Office")
    assert again.pk != running.pk


def test_a_refused_creation_keeps_no_place(tenant, acme, as_alice):
    with pytest.raises(NameTaken):
        actions.create(by=as_alice, organization=acme, name="Office")
    assert Cell.objects.get().placed == 1
    assert Subscription.objects.get(organization=acme).tenants_used == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "9.9.9"),
        ("version", "../4"),
        ("certificate_days", 0),
        ("certificate_days", 3651),
        ("retention_days", 31),
        ("max_agents", 51),
        ("max_agents", 0),
        ("archive_days", 0),
        ("archive_days", 31),
        ("images.manager", {"manager": "9.9.9"}),
        ("images.certs", {"certs": "4.14.7"}),
        ("indexer.shards", {"shards": 6}),
        ("indexer.shards", {"shards": True}),
        ("indexer.heap", {"heap": 1}),
        ("indexer.replicas", {"replicas": 1}),
        ("thresholds.ingest_lag_seconds", {"ingest_lag_seconds": 1}),
        ("raw_enrollment", "yes"),
    ],
)
def test_what_is_not_on_offer_is_refused_by_the_name_of_its_field(acme, cell, as_alice, field, value):
    with pytest.raises(InvalidPlan) as refused:
        actions.create(by=as_alice, organization=acme, name="Office", **{field.partition(".")[0]: value})
    assert refused.value.field == field
    assert not Tenant.objects.exists()


def test_everything_that_can_not_be_had_is_named_at_once(acme, cell, as_alice):
    wishes = {"max_agents": 51, "thresholds": {"silent_agents_percent": 101}, "version": "../4"}
    with pytest.raises(InvalidPlan) as refused:
        actions.create(by=as_alice, organization=acme, name="Office", **wishes)
    fields = {error.field for error in refused.value.errors}
    assert fields == {"max_agents", "thresholds.silent_agents_percent", "version"}


def test_more_days_than_the_disk_holds_are_refused_with_the_arithmetic_and_fewer_agents_leave_room(new_tenant):
    with pytest.raises(PlanTooLarge) as refused:
        new_tenant(retention_days=11)
    assert refused.value.code == "PLAN_TOO_LARGE"
    assert refused.value.field == "retention_days"
    assert "50 agents × 11 days × 17 MB = 9.4 GB, and the indexer's disk holds 9.2 GB" in refused.value.detail
    all_agents = new_tenant("All agents")[0].spec
    assert (all_agents["retention_days"], all_agents["archive_days"]) == (10, 30)
    assert new_tenant("Few agents", max_agents=5)[0].spec["retention_days"] == 30


def test_an_image_of_its_own_and_settings_go_into_the_spec(new_tenant):
    indexer, thresholds = {"shards": 2}, {"silent_agents_percent": 10}
    tenant, _ = new_tenant(images={"manager": "4.14.6"}, indexer=indexer, thresholds=thresholds, raw_enrollment=True)
    assert tenant.spec["raw_enrollment"] is True
    assert (tenant.spec["indexer"], tenant.spec["thresholds"]) == (indexer, thresholds)
    assert tenant.spec["roles"]["manager"] == {"count": 1, "instance": "standard-1", "image": "4.14.6"}
    assert "image" not in tenant.spec["roles"]["indexer"]


@pytest.mark.parametrize("name", ["", "  ", "a" * 81, "a\nb", "a\u202eb"])
def test_a_name_that_can_not_be_read_is_refused(acme, cell, as_alice, name):
    with pytest.raises(Invalid) as refused:
        actions.create(by=as_alice, organization=acme, name=name)
    assert refused.value.field == "name"


def test_the_chosen_plan_goes_out(new_tenant, edge):
    tenant, _ = new_tenant(version="4.14.6", certificate_days=7, retention_days=3, max_agents=5)
    reconcile(tenant.pk)
    plan = edge.bodies[tenant.pk]["plan"]
    chosen = {name: plan[name] for name in ("version", "certificate_days", "retention_days", "max_agents")}
    assert chosen == {"version": "4.14.6", "certificate_days": 7, "retention_days": 3, "max_agents": 5}


def test_a_full_cell_says_so_and_another_one_is_used(acme, cell, as_alice):
    Cell.objects.filter(pk="lo").update(capacity=1)
    actions.create(by=as_alice, organization=acme, name="One")
    with pytest.raises(CellFull) as refused, capture_logs() as logged:
        actions.create(by=as_alice, organization=acme, name="Two")
    assert refused.value.code == "CELL_FULL"
    assert [(line["log_level"], line["event"]) for line in logged] == [("error", "no_room_in_any_cell")]
    Cell.objects.create(id="lb", base_url="http://b.test", dashboard_zone="b", runtime="docker", versions=["4.14.7"])
    second, _ = actions.create(by=as_alice, organization=acme, name="Two")
    assert second.cell_id == "lb"
    assert second.pk.startswith("lb")
    assert second.runtime == "docker"


def european_cell(**more: object) -> Cell:
    where = {"base_url": "http://b.test", "dashboard_zone": "b", "runtime": "docker", "versions": ["4.14.7"]}
    return Cell.objects.create(id="lb", jurisdiction="eu", **where, **more)


def test_an_organization_of_a_jurisdiction_has_its_tenants_there_alone(acme, cell, as_alice):
    acme.jurisdiction = "eu"
    with pytest.raises(CellFull) as refused:
        actions.create(by=as_alice, organization=acme, name="Office")
    assert "in the jurisdiction European Union" in refused.value.detail
    european_cell(placed=300)
    tenant, _ = actions.create(by=as_alice, organization=acme, name="Office")
    assert (tenant.cell_id, tenant.jurisdiction, tenant.jurisdiction_words) == ("lb", "eu", "European Union")
    Cell.objects.filter(pk="lb").update(capacity=301)
    with pytest.raises(CellFull):
        actions.create(by=as_alice, organization=acme, name="Second")
    assert Cell.objects.get(pk="lo").placed == 0


def test_an_organization_of_anywhere_is_placed_where_there_is_most_room(acme, cell, as_alice):
    european_cell()
    Cell.objects.filter(pk="lo").update(placed=300)
    tenant, _ = actions.create(by=as_alice, organization=acme, name="Office")
    assert (tenant.cell_id, tenant.jurisdiction) == ("lb", "eu")


def test_a_version_that_only_a_cell_elsewhere_offers_is_not_on_offer(acme, cell, as_alice):
    acme.jurisdiction = "eu"
    european_cell()
    with pytest.raises(InvalidPlan):
        actions.create(by=as_alice, organization=acme, name="Office", version="4.14.6")


def test_a_plan_holds_so_many_tenants_and_no_more(new_tenant):
    for number in range(3):
        new_tenant(f"Site {number}")
    with pytest.raises(QuotaExceeded) as refused:
        new_tenant("One too many")
    assert "3 tenants" in refused.value.detail


def test_a_suspended_organization_starts_nothing(tenant, acme, as_alice):
    Subscription.objects.filter(organization=acme).update(state="suspended")
    with pytest.raises(Suspended):
        actions.create(by=as_alice, organization=acme, name="More")


@pytest.mark.parametrize(("person", "outcome"), [("bob", Forbidden), ("vera", Forbidden), ("mallory", NotFound)])
def test_only_who_may_create_creates(request, acme, cell, person, outcome):
    actor = actor_for(request.getfixturevalue(person))
    with rls.acting_as(actor.rls_actor), pytest.raises(outcome):
        actions.create(by=actor, organization=acme, name="Office")
