"""What clients' tenants are beside their template: inherited, overridden, accepted, seen by whom."""

import pytest

from controlplane import rls
from controlplane.problems import Conflict, Invalid, NotFound
from fleet.client_templates import client_actions, queries
from fleet.client_templates.models import TemplateUse
from organizations.actions import client_roles
from organizations.models import Grant, Membership
from tenants.rollouts import planning
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.client_templates.conftest import BACKUPS, differing

pytestmark = pytest.mark.django_db


def test_a_client_inherits_and_has_single_settings_otherwise(make, msp, acme, as_paula, office):
    base = make("Base", {"ring": "early", "sleep_after_minutes": 60, "backups": BACKUPS})
    offices = make("Offices", {"sleep_after_minutes": None, "ring": "canary"}, parent=base.pk)
    use = client_actions.assign(by=as_paula, msp=msp, client=acme, template=offices)
    assert differing(as_paula, msp, use) == {"ring": ("canary", "general"), "backups": (BACKUPS, None)}
    use = client_actions.override(
        by=as_paula, use=use, settings={"ring": "general", "backups": None}, reason="Contract"
    )
    assert differing(as_paula, msp, use) == {}
    use = client_actions.follow(by=as_paula, use=use, key="backups")
    assert differing(as_paula, msp, use) == {"backups": (BACKUPS, None)}
    assert TemplateUse.objects.get(pk=use.pk).overrides["ring"]["reason"] == "Contract"


def test_what_a_tenant_has_is_taken_as_its_clients_own_in_one_step(used, msp, as_paula, office):
    use = used({"ring": "canary", "version": "4.14.6"})
    client_actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="ring")
    assert set(differing(as_paula, msp, use)) == {"version"}
    with pytest.raises(Conflict) as refused:
        client_actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="ring")
    assert refused.value.code == "NOTHING_DIFFERS"


def test_what_no_client_can_be_asked_to_have_is_not_taken(used, msp, as_paula, office):
    use = used({"protected": True})
    with pytest.raises(Conflict) as refused:
        client_actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="protected")
    assert refused.value.code == "NOT_ACCEPTABLE"
    assert set(differing(as_paula, msp, use)) == {"protected"}


def test_an_override_needs_a_reason(used, as_paula):
    with pytest.raises(Invalid) as refused:
        client_actions.override(by=as_paula, use=used({}), settings={"ring": "early"}, reason=" ")
    assert refused.value.field == "reason"


def test_a_clients_template_and_what_it_has_otherwise_are_kept_whole_or_not_at_all(used, make, msp, acme, as_paula):
    use = used({"ring": "canary"})
    client_actions.override(by=as_paula, use=use, settings={"ring": "early", "backups": None}, reason="Contract")
    before, other = TemplateUse.objects.get(pk=use.pk), make("Others")
    asked = {"by": as_paula, "msp": msp, "client": acme, "template": other}
    for wrong in ({"settings": {"ring": "odd"}, "reason": "Why"}, {"settings": {"ring": "general"}, "reason": " "}):
        with pytest.raises(Invalid):
            client_actions.assign(**asked, **wrong)
        after = TemplateUse.objects.get(pk=use.pk)
        assert (after.template_id, after.overrides) == (before.template_id, before.overrides)
    with pytest.raises(Invalid):
        client_actions.assign(**{**asked, "template": None}, settings={"ring": "early"}, reason="Why")
    client_actions.assign(**asked, settings={"ring": "early", "sleep_after_minutes": 60}, reason="Quiet at night")
    after = TemplateUse.objects.get(pk=use.pk)
    assert (after.template_id, after.exceptions) == (other.pk, {"ring": "early", "sleep_after_minutes": 60})
    assert [after.overrides[key]["reason"] for key in ("ring", "sleep_after_minutes")] == ["Contract", "Quiet at night"]
    assert client_actions.assign(**asked, settings={"ring": "early"}).exceptions == {"ring": "early"}


def test_a_plan_whose_sizes_a_tenant_has_not_taken_differs(used, msp, as_paula, office, acme):
    use = used({"plan": "large"})
    assert differing(as_paula, msp, use)["plan"] == ("large", "trial")


def test_the_ceiling_of_access_and_days_are_shown_and_no_roll_out_brings_them(used, msp, as_paula, office):
    use = used({"role_ceiling": "admin", "retention_days": 3, "archive_days": 9})
    assert differing(as_paula, msp, use)["role_ceiling"] == ("admin", "operator")
    assert {"retention_days", "archive_days"} <= set(differing(as_paula, msp, use))
    (foreseen,) = planning.foresee(as_paula, msp, "template", {"template": use.template.pk}, "now", {})
    assert foreseen.outcome == planning.SKIPS


def test_who_reaches_some_clients_sees_the_others_nowhere(used, make, msp, as_paula, acme, bolt, office, maria):
    used({"ring": "canary"})
    client_actions.assign(by=as_paula, msp=msp, client=bolt, template=make("Others"))
    member = Membership.objects.get(organization=msp, user=maria)
    only = [client_roles.WantedSet("operator", "only", [bolt.pk])]
    client_roles.set_client_roles(by=as_paula, msp=msp, membership_id=member.pk, sets=only)
    limited = actor_for(maria)
    with rls.acting_as(limited.rls_actor):
        assert [each.client_id for each in queries.uses_of(limited, msp)] == [bolt.pk]
        with pytest.raises(NotFound):
            queries.client(limited, msp, acme.pk)


def test_a_client_that_ended_the_access_is_seen_no_more(used, msp, as_paula, office):
    use = used({"ring": "canary"})
    assert list(queries.uses_of(as_paula, msp)) == [use]
    with all_rows():
        Grant.objects.update(state="withdrawn")
    assert list(queries.uses_of(as_paula, msp)) == []
