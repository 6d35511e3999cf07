"""What a tenant is asked to be beside what it is."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from tenants.provisioning import actions, claims
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, make_due, read_feed

pytestmark = pytest.mark.django_db

SIZES = {"manager": "standard-1", "indexer": "standard-2", "dashboard": "standard-1"}


def node(role: str, n: int = 0, **more: object) -> dict[str, object]:
    return {"role": role, "n": n, "state": "running", "instance": SIZES[role], "image": "4.14.7", **more}


def tell(edge, tenant, **view: object) -> None:
    """The edge tells something new of a tenant."""
    edge.views[tenant.pk].update(view)
    edge.publish(tenant.pk)
    read_feed()


def differing(answer: dict) -> dict[str, tuple[str, str]]:
    return {fact["name"]: (fact["desired"], fact["actual"]) for fact in answer["facts"] if not fact["in_step"]}


@pytest.fixture
def told(running, edge):
    """A tenant whose nodes are as its plan has them."""
    roles = {role: size["instance"] for role, size in running.spec["roles"].items()}
    tell(edge, running, nodes=[node(role, instance=instance) for role, instance in roles.items()])
    make_due(running)
    reconcile(running.pk)  # it has come to rest
    return fresh(running)


def test_a_tenant_that_is_as_asked_is_in_step(api, told):
    answer = api.get(f"tenants/{told.pk}/drift").json()
    assert (answer["verdict"], differing(answer)) == ("in_step", {})
    assert {fact["name"] for fact in answer["facts"]} == {
        "state",
        "generation",
        "backups",
        "version",
        "content",
        *SIZES,
    }


def test_a_node_that_is_missing_or_another_version_shows(api, told, edge):
    tell(edge, told, nodes=[node("indexer")], version="4.14.6")
    answer = api.get(f"tenants/{told.pk}/drift").json()
    assert answer["verdict"] == "drifts"
    shown = differing(answer)
    assert shown["version"] == ("4.14.7", "4.14.6")
    assert shown["manager"][1] == shown["dashboard"][1] == "none"


def test_what_was_just_asked_for_is_under_way(api, told, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=told)
    answer = api.get(f"tenants/{told.pk}/drift").json()
    assert (answer["verdict"], differing(answer)["state"]) == ("under_way", ("stopped", "running"))


def test_a_tenant_that_sleeps_as_it_may_does_not_drift(api, told, edge):
    tell(
        edge,
        told,
        observed="stopped",
        sleeping={"since": "2026-11-20T10:00:00Z", "because": "Nobody used it."},
        nodes=[],
    )
    assert api.get(f"tenants/{told.pk}/drift").json()["verdict"] == "in_step"


def test_of_a_tenant_that_the_edge_never_told_of_nothing_is_claimed(api, tenant):
    answer = api.get(f"tenants/{tenant.pk}/drift").json()
    assert (answer["verdict"], answer["facts"], answer["as_of"]) == ("unknown", [], None)


def test_its_page_shows_both_sides(told, edge, alice):
    tell(edge, told, version="4.14.6")
    page = session_of(alice).get(f"/t/{told.pk}/settings/").content.decode()
    assert "As asked, and as it is" in page
    assert "4.14.6" in page


def test_what_has_come_to_rest_is_looked_at_again_and_brought_back(told, edge):
    """The edge has lost the tenant without telling."""
    with all_rows():
        Tenant.objects.filter(pk=told.pk).update(told_at=timezone.now() - dt.timedelta(hours=7))
    edge.views.pop(told.pk)
    assert claims.look_at_settled(timezone.now() - dt.timedelta(hours=6), 10) == 1
    while reconcile(told.pk) is not None and not edge.views.get(told.pk):
        make_due(told)
    assert edge.views[told.pk]["requested"] == "running"


def test_what_was_told_of_lately_or_was_given_up_is_left_alone(told):
    before = timezone.now() - dt.timedelta(hours=6)
    assert claims.look_at_settled(before, 10) == 0
    with all_rows():
        Tenant.objects.filter(pk=told.pk).update(told_at=None, halted_at=timezone.now())
    assert claims.look_at_settled(before, 10) == 0
