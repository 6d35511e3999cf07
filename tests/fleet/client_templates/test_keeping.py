"""Templates: kept in versions, inherited from each other, given to clients, removed."""

import pytest
from django.utils import timezone

from billing.models import Plan
from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from fleet.client_templates import actions, client_actions, queries
from fleet.client_templates.merging import DEEPEST
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from organizations.models import Grant, Organization
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.client_templates.conftest import WINDOW
from tests.tenants.conftest import fresh

pytestmark = pytest.mark.django_db


def test_each_change_is_a_version_and_none_changes_a_tenant(make, as_paula, msp, used, office):
    use = used({"ring": "early", "version": "4.14.6"})
    template = use.template
    before = fresh(office)
    actions.change(
        by=as_paula, template=template, name="Branches", parent=None, settings={"ring": "canary"}, note="Faster"
    )
    assert list(queries.versions_of(as_paula, template).values_list("number", "name", "settings", "note")) == [
        (2, "Branches", {"ring": "canary"}, "Faster"),
        (1, "Offices", {"ring": "early", "version": "4.14.6"}, ""),
    ]
    after = fresh(office)
    assert (after.ring, after.spec, after.generation) == (before.ring, before.spec, before.generation)
    told = AuditEntry.objects.get(action="fleet.client_template.change")
    assert (told.data["ring"], told.data["version"]) == ("Canary", "Not asked for")


def test_saving_the_same_again_makes_no_version(make, as_paula):
    template = make(settings={"ring": "early"})
    again = {"name": "Offices", "parent": None, "settings": {"ring": "early"}}
    assert actions.change(by=as_paula, template=template, **again).number == 1
    assert queries.versions_of(as_paula, template).count() == 1
    assert not AuditEntry.objects.filter(action="fleet.client_template.change").exists()


def test_a_change_of_an_older_version_is_refused(make, as_paula):
    template = make()
    asked = {"by": as_paula, "template": template, "name": "Offices", "parent": None, "based_on": 1}
    actions.change(settings={"ring": "early"}, **asked)
    with pytest.raises(Conflict) as refused:
        actions.change(settings={"ring": "canary"}, **asked)
    assert refused.value.code == "TEMPLATE_CHANGED"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"colour": "red"}, "settings.colour"),
        ({"ring": "odd"}, "settings.ring"),
        ({"plan": "huge"}, "settings.plan"),
        ({"version": "9.9.9"}, "settings.version"),
        ({"version": ["4.14.7"]}, "settings.version"),
        ({"sleep_after_minutes": 3}, "settings.sleep_after_minutes"),
        ({"maintenance_window": {**WINDOW, "start": "25:00"}}, "settings.maintenance_window.start"),
        ({"maintenance_window": "sunday"}, "settings.maintenance_window"),
        ({"backups": {"every_hours": 1, "keep": 7}}, "settings.backups.every_hours"),
        ({"protected": False}, "settings.protected"),
        ({"retention_days": 0}, "settings.retention_days"),
        ({"content_left_out": ["rules"]}, "settings.content_left_out"),
        ({"role_ceiling": "king"}, "settings.role_ceiling"),
        ({"enrollment_token": {"max_uses": 0}}, "settings.enrollment_token.max_uses"),
        ({"enrollment_token": {"groups": "servers"}}, "settings.enrollment_token.groups"),
        ({"enrollment_token": {"secret": "x"}}, "settings.enrollment_token.secret"),
    ],
)
def test_what_no_tenant_can_be_is_refused_at_its_setting(make, cell, settings, field):
    with pytest.raises(Invalid) as refused:
        make(settings=settings)
    assert {each.field for each in refused.value.errors} == {field}
    assert not ClientTemplate.objects.exists()


def test_a_template_inherits_from_neither_itself_nor_what_is_below_it(make, as_paula):
    base = make("Base")
    offices = make("Offices", parent=base.pk)
    for wrong in (base.pk, offices.pk):
        with pytest.raises(Invalid) as refused:
            actions.change(by=as_paula, template=base, name="Base", parent=wrong, settings={})
        assert refused.value.field == "parent"
    assert ClientTemplate.objects.get(pk=base.pk).parent is None


def test_a_chain_ends_at_five_also_where_it_grows_from_above(make, as_paula):
    above, parent = make("Top"), None
    for n in range(DEEPEST):
        parent = make(f"c{n}", parent=parent).pk
    with pytest.raises(Invalid) as refused:
        make("too deep", parent=parent)
    assert refused.value.field == "parent"
    first = ClientTemplate.objects.get(name="c0")
    with pytest.raises(Invalid) as refused:
        actions.change(by=as_paula, template=first, name="c0", parent=above.pk, settings={})
    assert refused.value.field == "parent"
    assert ClientTemplate.objects.get(name="c0").parent is None
    assert set(ClientTemplate.objects.values_list("name", flat=True)) == {"Top", *(f"c{n}" for n in range(DEEPEST))}


def test_a_name_is_taken_once_and_another_msps_is_free(make, rival, mallory):
    make()
    with pytest.raises(Conflict) as refused:
        make()
    assert refused.value.code == "NAME_TAKEN"
    with all_rows():
        Organization.objects.filter(pk=rival.pk).update(kind="msp")
        rival.refresh_from_db()
    other = actor_for(mallory)
    with rls.acting_as(other.rls_actor):
        assert actions.create(by=other, msp=rival, name="Offices", settings={}).name == "Offices"


def test_one_in_use_or_above_another_is_not_removed(make, used, as_paula, msp, acme):
    use = used({})
    with pytest.raises(Conflict):
        actions.remove(by=as_paula, template=use.template)
    base = make("Base")
    low = make("Low", parent=base.pk)
    with pytest.raises(Conflict):
        actions.remove(by=as_paula, template=base)
    actions.remove(by=as_paula, template=low)
    assert not ClientTemplateVersion.objects.filter(name="Low").exists()
    client_actions.assign(by=as_paula, msp=msp, client=acme, template=None)
    actions.remove(by=as_paula, template=use.template)


def test_one_whose_only_clients_have_left_is_removed(used, as_paula, bolt, msp):
    template = used({}).template
    client_actions.assign(by=as_paula, msp=msp, client=bolt, template=template)
    with all_rows():
        Grant.objects.filter(msp=msp, client__name="Acme").update(state="withdrawn")
    with pytest.raises(Conflict):
        actions.remove(by=as_paula, template=template)
    assert TemplateUse.objects.filter(template=template).count() == 2
    with all_rows():
        Grant.objects.filter(msp=msp).update(ends_at=timezone.now())
    actions.remove(by=as_paula, template=template)
    assert not ClientTemplate.objects.filter(pk=template.pk).exists()


def test_what_stays_as_it_was_may_be_off_offer_and_nothing_new_may(make, as_paula, cell):
    template = make(settings={"plan": "large", "version": "4.14.6"})
    Plan.objects.filter(pk="large").update(offered=False)
    type(cell).objects.update(versions=["4.14.7"])
    asked = {"by": as_paula, "template": template, "name": "Offices", "parent": None}
    kept = actions.change(settings={"plan": "large", "version": "4.14.6", "ring": "early"}, **asked)
    assert kept.settings == {"plan": "large", "version": "4.14.6", "ring": "early"}
    with pytest.raises(Invalid) as refused:
        make("Others", {"plan": "large"})
    assert refused.value.field == "settings.plan"


def test_the_trail_names_what_a_template_inherits_from_and_whose_it_was(make, as_paula, msp, acme):
    base = make("Base")
    offices = make("Offices", parent=base.pk)
    actions.change(by=as_paula, template=offices, name="Offices", parent=None, settings={})
    client_actions.assign(by=as_paula, msp=msp, client=acme, template=offices)
    client_actions.assign(by=as_paula, msp=msp, client=acme, template=None)
    told = {
        verb: AuditEntry.objects.filter(action=f"fleet.client_template.{verb}").latest("position").data
        for verb in ("create", "change", "give", "take_away")
    }
    assert (told["create"]["inherits_from"], told["change"]["inherits_from"]) == ("Base", "no other")
    assert told["give"] == {"client_name": "Acme", "template": "Offices", "before": ""}
    assert told["take_away"] == {"client_name": "Acme", "before": "Offices"}


def test_only_who_manages_clients_changes_anything_and_only_in_an_msp(make, msp, maria, alice, acme):
    template = make()
    with pytest.raises(Forbidden):
        actions.change(by=actor_for(maria), template=template, name="Mine", parent=None, settings={})
    owner = actor_for(alice)
    with rls.acting_as(owner.rls_actor):
        with pytest.raises(NotFound):
            actions.create(by=owner, msp=msp, name="Mine", settings={})
        with pytest.raises(Conflict) as refused:
            actions.create(by=owner, msp=acme, name="Mine", settings={})
    assert refused.value.code == "NOT_AN_MSP"


def test_a_template_is_given_to_own_clients_alone(make, msp, as_paula, rival):
    with pytest.raises(NotFound):
        client_actions.assign(by=as_paula, msp=msp, client=rival, template=make())


def test_what_was_removed_meanwhile_is_not_there_to_be_changed(make, msp, acme, as_paula):
    template = make()
    use = client_actions.assign(by=as_paula, msp=msp, client=acme, template=template)
    client_actions.assign(by=as_paula, msp=msp, client=acme, template=None)
    with pytest.raises(NotFound):
        client_actions.follow(by=as_paula, use=use, key="ring")
    gone = ClientTemplate.objects.get(pk=template.pk)
    actions.remove(by=as_paula, template=template)
    with pytest.raises(NotFound):
        actions.change(by=as_paula, template=gone, name="Other", settings={}, parent=None)
