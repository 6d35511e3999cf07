"""What is paid for decides what runs: suspended organizations stop, and start again by themselves."""

import pytest

from billing import actions as billing
from billing.models import Plan
from controlplane import rls
from controlplane.actor import Actor
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def test_a_suspended_organization_is_stopped_and_starts_again_when_it_pays(running, edge, acme):
    staff = Actor.system("dunning", organization_id=acme.pk)
    for change, requested, status in ((billing.suspend, "stopped", "stopped"), (billing.resume, "running", "running")):
        with rls.acting_as(staff.rls_actor):
            change(by=staff, organization_id=acme.pk)
        deliver()
        reconcile(running.pk)
        assert edge.views[running.pk]["requested"] == requested
        edge.finish(running.pk)
        read_feed()
        assert fresh(running).status == status
        assert operation_of(running).source == "system"
    assert fresh(running).requested == "running"
    assert fresh(running).generation == 3


def test_a_change_of_plan_does_not_retry_what_was_given_up(tenant, edge, acme):
    edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    reconcile(tenant.pk)
    staff = Actor.system("upgrade", organization_id=acme.pk)
    with rls.acting_as(staff.rls_actor):
        billing.change_plan(by=staff, organization_id=acme.pk, plan=Plan.objects.get(code="large"))
    deliver()
    reconcile(tenant.pk)
    assert edge.count("PUT") == 1
    assert fresh(tenant).status == "failed"
    with rls.acting_as(staff.rls_actor):
        billing.suspend(by=staff, organization_id=acme.pk)
    deliver()
    reconcile(tenant.pk)
    assert edge.views[tenant.pk]["requested"] == "stopped"


def test_a_suspension_before_the_first_start_sends_nothing(tenant, edge, acme):
    staff = Actor.system("dunning", organization_id=acme.pk)
    with rls.acting_as(staff.rls_actor):
        billing.suspend(by=staff, organization_id=acme.pk)
    reconcile(tenant.pk)
    assert edge.calls == []
    assert operation_of(tenant).error["code"] == "SUPERSEDED"
