"""Content goes round by rings like a version: what the canaries had is what all get, and a refusal holds it."""

import pytest

from controlplane import rls
from controlplane.problems import Invalid
from tenants.content import actions
from tenants.content.models import ContentFile
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.tenants.conftest import fresh, operation_of, read_feed
from tests.tenants.test_content_publishing import keep
from tests.tenants.test_rollout_doors import clients
from tests.tenants.test_rollouts import beat, fleet, now_of, reasons_of, start, states_of, succeed

__all__ = ["clients", "fleet", "start"]
pytestmark = pytest.mark.django_db

CONTENT = {"kind": "content", "arguments": {}}


def rework(actor, acme, text: str) -> None:
    with rls.acting_as(actor.rls_actor):
        file = ContentFile.objects.get(organization=acme, tenant=None)
        actions.save(by=actor, file=file, text=text, based_on=file.latest)


def test_each_ring_publishes_what_counts_and_who_has_it_is_passed_over(fleet, start, api, acme, edge):
    keep(api, acme)
    rollout = start(**CONTENT)
    assert states_of(rollout) == {"canary": "running", "early": "pending", "general": "pending"}
    assert operation_of(fleet["canary"]).kind == "content"
    for ring in ("canary", "early", "general"):
        succeed(fleet[ring], edge)
        beat()
    assert now_of(rollout)[0] == "finished"
    assert len({fresh(tenant).spec["content"] for tenant in fleet.values()}) == 1
    again = start(**CONTENT)
    assert set(reasons_of(again).values()) == {"It has this already."}


def test_what_nobody_has_tried_reaches_nobody_more(fleet, start, api, acme, alice_acts, edge):
    keep(api, acme)
    rollout = start(**CONTENT)
    succeed(fleet["canary"], edge)
    rework(alice_acts, acme, "mallory:admin\n")
    beat()
    assert (now_of(rollout), states_of(rollout)["early"]) == (("held", "early"), "failed")
    assert "nobody has tried them" in reasons_of(rollout)["Early"]
    assert "content" not in fresh(fleet["early"]).spec


def test_a_manager_that_refuses_it_holds_it(fleet, start, api, acme, edge):
    keep(api, acme)
    rollout = start(**CONTENT)
    canary = fleet["canary"]
    reconcile(canary.pk)
    edge.refuse_content(canary.pk, "admins: line 1")
    read_feed()
    beat()
    assert (now_of(rollout), states_of(rollout)["canary"]) == (("held", "canary"), "failed")
    assert "content" not in fresh(fleet["early"]).spec


def test_a_provider_brings_its_files_to_its_clients(clients, start, msp, paula, api, edge):
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        actions.create(by=actor, organization=msp, kind="lists", name="admins", text="alice:admin\n")
    rollout = start(by=actor, organization=msp, only={"tenants": [clients["bolts"].pk]}, **CONTENT)
    succeed(clients["bolts"], edge)
    beat()
    assert now_of(rollout)[0] == "finished"
    assert fresh(clients["bolts"]).spec["content"]


def test_content_has_no_version_to_be_chosen(fleet, start):
    with pytest.raises(Invalid):
        start(kind="content", arguments={"version": "4.14.6"})
