"""Templates rolled out: what is foreseen, what is brought, what speaks against it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane import rls
from controlplane.problems import Invalid
from fleet.client_templates import actions, client_actions
from tenants.content import actions as content
from tenants.content.models import ContentFile
from tenants.protection.maintenance import rings
from tenants.provisioning import actions as provisioning
from tenants.provisioning.models import Operation
from tenants.rollouts import actions as rollouts
from tenants.rollouts import planning
from tenants.rollouts.models import Rollout
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.client_templates.conftest import AT_ONCE, BACKUPS, differing, roll_out
from tests.tenants.conftest import fresh, operation_of
from tests.tenants.test_backup_schedule import sent
from tests.tenants.test_rollouts import beat, now_of, reasons_of, states_of, succeed

pytestmark = pytest.mark.django_db


def test_a_roll_out_says_what_it_would_change_and_brings_it(used, msp, as_paula, office, edge):
    use = used({**AT_ONCE, "version": "4.14.6"})
    (foreseen,) = planning.foresee(as_paula, msp, "template", {"template": use.template.pk}, "now", {})
    assert foreseen.outcome == planning.TAKES
    assert "Ring: General → Canary" in foreseen.reason
    assert "Version of Wazuh: 4.14.7 → 4.14.6" in foreseen.reason
    assert foreseen.reason.count(" → ") == 5
    rollout = roll_out(as_paula, msp, use.template)
    assert states_of(rollout) == {"general": "running"}
    after = fresh(office)
    assert (after.ring, after.maintenance_window["start"], after.spec["backups"]) == ("canary", "02:00", BACKUPS)
    assert (after.sleep_after_minutes, operation_of(office).kind) == (60, "upgrade")
    succeed(office, edge)
    beat()
    assert (now_of(rollout)[0], states_of(rollout)) == ("finished", {"general": "succeeded"})
    assert differing(as_paula, msp, use) == {}
    again = roll_out(as_paula, msp, use.template)
    assert reasons_of(again) == {"Office": "It has this already."}


def test_what_takes_no_operation_is_done_at_once(used, msp, as_paula, office, edge):
    before = Operation.objects.filter(tenant=office).count()
    use = used(AT_ONCE)
    assert set(differing(as_paula, msp, use)) == set(AT_ONCE)
    rollout = roll_out(as_paula, msp, use.template)
    assert states_of(rollout) == {"general": "succeeded"}
    assert differing(as_paula, msp, use) == {}
    assert Operation.objects.filter(tenant=office).count() == before
    succeed(office, edge)
    assert sent(edge)["backups"] == BACKUPS


def test_several_operations_follow_each_other_and_a_part_of_them_is_no_success(used, msp, as_paula, office, edge, acme):
    content.create(by=as_paula, organization=msp, kind="lists", name="noisy", text="a:\n")
    content.create(by=as_paula, organization=msp, kind="lists", name="kept", text="b:\n")
    first = used({})
    rollouts.start(by=as_paula, organization=msp, kind="content", arguments={}, soak_hours=0)
    beat()
    succeed(office, edge)
    beat()
    template = actions.change(
        by=as_paula,
        template=first.template,
        name="Offices",
        parent=None,
        settings={"version": "4.14.6", "content_left_out": ["lists/noisy"]},
    )
    rollout = roll_out(as_paula, msp, template)
    assert operation_of(office).kind == "upgrade"
    succeed(office, edge)
    beat()
    assert (states_of(rollout), operation_of(office).kind) == ({"general": "running"}, "content")
    with all_rows():
        assert ContentFile.objects.filter(tenant=office, name="noisy").exists()
    succeed(office, edge)
    beat()
    assert (now_of(rollout)[0], states_of(rollout)) == ("finished", {"general": "succeeded"})


def test_a_tenant_that_rests_is_brought_all_that_takes_no_operation(used, msp, as_paula, alice, office, edge):
    content.create(by=as_paula, organization=msp, kind="lists", name="noisy", text="a:\n")
    with rls.acting_as(actor_for(alice).rls_actor):
        provisioning.stop(by=actor_for(alice), tenant=office)
    succeed(office, edge)
    use = used({"ring": "early", "content_left_out": ["lists/noisy"]})
    rollout = roll_out(as_paula, msp, use.template)
    assert states_of(rollout) == {"general": "succeeded"}
    assert differing(as_paula, msp, use) == {}


def test_trying_it_out_takes_the_same_few_statements_for_each_further_tenant(
    used, msp, as_paula, office, acme, alice, give_tenant
):
    use = used({**AT_ONCE, "version": "4.14.6", "plan": "large"})

    def asked() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as caught:
            found = planning.foresee(as_paula, msp, "template", {"template": use.template.pk}, "now", {})
        assert all("Ring: General → Canary" in each.reason or "billing.manage" in each.reason for each in found)
        about_templates = [each for each in caught if 'FROM "fleet_clienttemplate"' in each["sql"]]
        return len(caught), len(about_templates)

    counts = [asked()]
    for name in ("Plant", "Depot"):
        give_tenant(acme, alice, name)
        counts.append(asked())
    (one, once), (two, twice), (three, thrice) = counts
    assert once == twice == thrice
    assert two - one == three - two < 15


def test_it_reaches_who_inherits_from_it_with_what_each_has_otherwise(
    make, msp, as_paula, acme, bolt, alice, give_tenant, office
):
    base = make("Base", {"ring": "early"})
    low = make("Low", {"sleep_after_minutes": 60}, parent=base.pk)
    give_tenant(bolt, alice, "Bolts")
    use = client_actions.assign(by=as_paula, msp=msp, client=acme, template=low)
    client_actions.assign(by=as_paula, msp=msp, client=bolt, template=base)
    client_actions.override(by=as_paula, use=use, settings={"ring": "canary"}, reason="Brave")
    roll_out(as_paula, msp, base)
    after = fresh(office)
    assert (after.ring, after.sleep_after_minutes) == ("canary", 60)
    with all_rows():
        other = bolt.tenants.get()
    assert (other.ring, other.sleep_after_minutes) == ("early", None)


def test_all_get_what_the_canaries_had_whatever_becomes_of_the_template(
    used, msp, as_paula, acme, alice, give_tenant, office
):
    plant = give_tenant(acme, alice, "Plant")
    rings.set_ring(by=actor_for(alice), tenant=office, ring="canary")
    use = used({"sleep_after_minutes": 60})
    rollout = roll_out(as_paula, msp, use.template, soak_hours=1)
    actions.change(
        by=as_paula, template=use.template, name="Offices", parent=None, settings={"sleep_after_minutes": 15}
    )
    with all_rows():
        rollout.refresh_from_db()
        rollout.targets.filter(ring="canary").update(ended_at=rollout.created_at.replace(year=2020))
        type(rollout).objects.filter(pk=rollout.pk).update(look_at=rollout.created_at)
    beat()
    assert (fresh(office).sleep_after_minutes, fresh(plant).sleep_after_minutes) == (60, 60)


def test_who_may_not_change_the_plan_is_told_before_and_nothing_begins(used, msp, as_paula, office):
    use = used({"plan": "large", "ring": "canary"})
    (foreseen,) = planning.foresee(as_paula, msp, "template", {"template": use.template.pk}, "now", {})
    assert (foreseen.outcome, "billing.manage" in foreseen.reason) == (planning.SKIPS, True)
    rollout = roll_out(as_paula, msp, use.template)
    assert (now_of(rollout)[0], states_of(rollout)) == ("finished", {"general": "skipped"})
    assert reasons_of(rollout) == {"Office": foreseen.reason}
    assert fresh(office).ring == "general"


def test_what_is_left_out_is_published_only_with_the_files_that_were_looked_at(used, msp, as_paula, office, edge):
    for name in ("noisy", "kept"):
        content.create(by=as_paula, organization=msp, kind="lists", name=name, text="a:\n")
    rollouts.start(by=as_paula, organization=msp, kind="content", arguments={}, soak_hours=0)
    beat()
    succeed(office, edge)
    beat()
    use = used({"version": "4.14.6", "content_left_out": ["lists/noisy"]})
    rollout = roll_out(as_paula, msp, use.template)
    kept = ContentFile.objects.get(organization=msp, tenant=None, name="kept")
    content.save(by=as_paula, file=kept, text="b:\n")
    succeed(office, edge)
    beat()
    assert (now_of(rollout)[0], states_of(rollout)) == ("held", {"general": "failed"})
    assert "nobody has tried them" in reasons_of(rollout)["Office"]
    with all_rows():
        assert not ContentFile.objects.filter(tenant=office).exists()
    assert operation_of(office).kind == "upgrade"


def test_a_client_that_changed_its_template_meanwhile_is_passed_over(used, make, msp, as_paula, acme, office):
    use = used({"version": "4.14.6"})
    with all_rows():
        Operation.objects.create(
            organization=acme, tenant=office, kind="rotate", state="running", base_generation=1, exclusive=True
        )
    rollout = roll_out(as_paula, msp, use.template)
    assert states_of(rollout) == {"general": "pending"}
    client_actions.assign(by=as_paula, msp=msp, client=acme, template=make("Others"))
    beat()
    assert states_of(rollout) == {"general": "skipped"}


def test_one_that_nobody_has_begins_nothing(make, msp, as_paula, office):
    with pytest.raises(Invalid) as refused:
        roll_out(as_paula, msp, make())
    assert refused.value.field == "tenants"
    for kind, field in (("template", "template"), ("version", "template")):
        with pytest.raises(Invalid) as refused:
            rollouts.start(by=as_paula, organization=msp, kind=kind, arguments={"template": "tpl_x"})
        assert refused.value.field == field
    assert not Rollout.objects.exists()
