"""Templates: kept in versions, given to clients, overridden, held against tenants, and rolled out."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from fleet.client_templates import actions, queries
from fleet.client_templates.drift import drift_of
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from organizations.actions import client_roles
from organizations.models import Grant, Membership
from tenants.content import actions as content
from tenants.content.models import ContentFile
from tenants.protection.maintenance import rings
from tenants.provisioning import actions as provisioning
from tenants.provisioning.models import Operation
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts import actions as rollouts
from tenants.rollouts import planning
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh, operation_of, program_of, read_feed
from tests.tenants.test_rollouts import beat, now_of, reasons_of, states_of

__all__ = ["program_of"]
pytestmark = pytest.mark.django_db

WINDOW = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}
BACKUPS = {"every_hours": 12, "keep": 14}
AT_ONCE = {"ring": "canary", "maintenance_window": WINDOW, "sleep_after_minutes": 60, "backups": BACKUPS}


@pytest.fixture
def as_paula(msp, paula):
    """Runs the test as paula, inside Northwatch."""
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        yield actor


@pytest.fixture
def make(msp, as_paula):
    def made(name="Offices", settings=None, **more):
        return actions.create(by=as_paula, msp=msp, name=name, settings=settings or {}, **more)

    return made


@pytest.fixture
def office(acme, alice, give_tenant):
    return give_tenant(acme, alice, "Office")


@pytest.fixture
def used(make, msp, acme, as_paula):
    """Gives Acme a new template with these settings."""

    def give(settings, **more):
        return actions.assign(by=as_paula, msp=msp, client=acme, template=make(settings=settings, **more))

    return give


def differing(actor, msp, use) -> dict[str, tuple[object, object]]:
    """Wanted and actual of what differs in the client's only tenant, by setting."""
    (row,) = drift_of(actor, msp, [TemplateUse.objects.select_related("client").get(pk=use.pk)])
    return {each.key: (each.wanted, each.actual) for each in row.differences}


def roll_out(by, msp, template, **more):
    given = {"soak_hours": 0, **more}
    rollout = rollouts.start(by=by, organization=msp, kind="template", arguments={"template": template.pk}, **given)
    beat()
    return rollout


def succeed(tenant, edge) -> None:
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


# What is kept


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
    above, lowest = make("Top"), make("t0")
    highest = lowest
    parent = None
    for n in range(5):
        parent = make(f"c{n}", parent=parent).pk
    with pytest.raises(Invalid):
        make("too deep", parent=parent)
    first = ClientTemplate.objects.get(name="c0")
    with pytest.raises(Invalid):
        actions.change(by=as_paula, template=first, name="c0", parent=above.pk, settings={})
    assert highest.parent is None


def test_a_name_is_taken_once_and_another_msps_is_free(make, as_paula):
    make()
    with pytest.raises(Conflict) as refused:
        make()
    assert refused.value.code == "NAME_TAKEN"


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
    actions.assign(by=as_paula, msp=msp, client=acme, template=None)
    actions.remove(by=as_paula, template=use.template)


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
        actions.assign(by=as_paula, msp=msp, client=rival, template=make())


# What differs


def test_a_client_inherits_and_has_single_settings_otherwise(make, msp, acme, as_paula, office):
    base = make("Base", {"ring": "early", "sleep_after_minutes": 60, "backups": BACKUPS})
    offices = make("Offices", {"sleep_after_minutes": None, "ring": "canary"}, parent=base.pk)
    use = actions.assign(by=as_paula, msp=msp, client=acme, template=offices)
    assert differing(as_paula, msp, use) == {"ring": ("canary", "general"), "backups": (BACKUPS, None)}
    use = actions.override(by=as_paula, use=use, settings={"ring": "general", "backups": None}, reason="Contract")
    assert differing(as_paula, msp, use) == {}
    use = actions.follow(by=as_paula, use=use, key="backups")
    assert differing(as_paula, msp, use) == {"backups": (BACKUPS, None)}
    assert TemplateUse.objects.get(pk=use.pk).overrides["ring"]["reason"] == "Contract"


def test_what_a_tenant_has_is_taken_as_its_clients_own_in_one_step(used, msp, as_paula, office):
    use = used({"ring": "canary", "version": "4.14.6"})
    actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="ring")
    assert set(differing(as_paula, msp, use)) == {"version"}
    with pytest.raises(Conflict) as refused:
        actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="ring")
    assert refused.value.code == "NOTHING_DIFFERS"


def test_what_no_client_can_be_asked_to_have_is_not_taken(used, msp, as_paula, office):
    use = used({"protected": True})
    with pytest.raises(Conflict) as refused:
        actions.accept(by=as_paula, use=use, tenant_id=office.pk, key="protected")
    assert refused.value.code == "NOT_ACCEPTABLE"
    assert set(differing(as_paula, msp, use)) == {"protected"}


def test_an_override_needs_a_reason(used, as_paula):
    with pytest.raises(Invalid) as refused:
        actions.override(by=as_paula, use=used({}), settings={"ring": "early"}, reason=" ")
    assert refused.value.field == "reason"


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
    actions.assign(by=as_paula, msp=msp, client=bolt, template=make("Others"))
    member = Membership.objects.get(organization=msp, user=maria)
    only = [client_roles.WantedSet("operator", "only", [bolt.pk])]
    client_roles.set_client_roles(by=as_paula, msp=msp, membership_id=member.pk, sets=only)
    limited = actor_for(maria)
    with rls.acting_as(limited.rls_actor):
        assert [each.client_id for each in queries.uses_of(limited, msp)] == [bolt.pk]
        with pytest.raises(NotFound):
            queries.client(limited, msp, acme.pk)


def test_a_client_that_ended_the_access_is_seen_no_more(used, msp, as_paula, office):
    used({"ring": "canary"})
    with all_rows():
        Grant.objects.update(state="withdrawn")
    assert list(queries.uses_of(as_paula, msp)) == []


# Rolled out


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
    rollout = roll_out(as_paula, msp, used(AT_ONCE).template)
    assert states_of(rollout) == {"general": "succeeded"}
    succeed(office, edge)
    assert fresh(office).observed_generation == fresh(office).generation


def test_several_operations_follow_each_other_and_a_part_that_failed_is_no_success(
    used, msp, as_paula, office, edge, acme
):
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


def test_trying_it_out_asks_each_tenant_once(used, msp, as_paula, office, acme, alice, give_tenant):
    use = used({**AT_ONCE, "version": "4.14.6", "plan": "large"})

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries_:
            planning.foresee(as_paula, msp, "template", {"template": use.template.pk}, "now", {})
        return len(queries_)

    one = asked()
    give_tenant(acme, alice, "Plant")
    assert asked() - one < 15


def test_it_reaches_who_inherits_from_it_with_what_each_has_otherwise(
    make, msp, as_paula, acme, bolt, alice, give_tenant, office
):
    base = make("Base", {"ring": "early"})
    low = make("Low", {"sleep_after_minutes": 60}, parent=base.pk)
    give_tenant(bolt, alice, "Bolts")
    use = actions.assign(by=as_paula, msp=msp, client=acme, template=low)
    actions.assign(by=as_paula, msp=msp, client=bolt, template=base)
    actions.override(by=as_paula, use=use, settings={"ring": "canary"}, reason="Brave")
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
    assert states_of(rollout) == {"general": "failed"}
    assert fresh(office).ring == "general"


def test_a_client_that_changed_its_template_meanwhile_is_passed_over(used, make, msp, as_paula, acme, office):
    use = used({"version": "4.14.6"})
    with all_rows():
        Operation.objects.create(
            organization=acme, tenant=office, kind="rotate", state="running", base_generation=1, exclusive=True
        )
    rollout = roll_out(as_paula, msp, use.template)
    assert states_of(rollout) == {"general": "pending"}
    actions.assign(by=as_paula, msp=msp, client=acme, template=make("Others"))
    beat()
    assert states_of(rollout) == {"general": "skipped"}


def test_one_that_nobody_has_begins_nothing(make, msp, as_paula, office):
    with pytest.raises(Invalid):
        roll_out(as_paula, msp, make())
    with pytest.raises(Invalid):
        rollouts.start(by=as_paula, organization=msp, kind="version", arguments={"template": "tpl_x"})


# Its pages and its API


def test_a_person_makes_gives_and_overrides_one_on_the_pages(msp, paula, acme, office):
    browser = session_of(paula)
    home = f"/o/{msp.pk}/client-templates/"
    assert "Say once" in browser.get(home).content.decode()
    wrong = browser.post(f"{home}new/", {"name": "Offices", "maintenance_window__days": ["sun"]})
    assert wrong.status_code == 422
    assert "maintenance_window__start" in wrong.content.decode()
    window = {f"maintenance_window__{name}": value for name, value in WINDOW.items()}
    made = browser.post(f"{home}new/", {"name": "Offices", "ring": "early", "sleep_after_minutes": "0", **window})
    assert made.status_code == 302
    page = browser.get(made["Location"]).content.decode()
    assert "Sunday at 02:00 for 2 h (UTC)" in page
    shown = browser.get(f"{made['Location']}edit/").content.decode()
    assert 'value="02:00"' in shown
    client = f"/o/{msp.pk}/clients/{acme.pk}/template/"
    template_id = made["Location"].rstrip("/").rpartition("/")[2]
    assert browser.post(client, {"template": template_id}).status_code == 302
    assert "Keep as it is: Ring of Office" in browser.get(client).content.decode()
    assert browser.post(f"{client}accept/", {"tenant": office.pk, "setting": "ring"}).status_code == 302
    assert "As the tenant is" in browser.get(client).content.decode()
    chosen = {"ring": "canary", "reason": "They asked for it"}
    assert browser.post(f"{client}overrides/", chosen).status_code == 302
    assert "They asked for it" in browser.get(client).content.decode()
    assert browser.post(f"{client}follow/", {"setting": "ring"}).status_code == 302
    assert "They asked for it" not in browser.get(client).content.decode()
    assert "Early" in browser.get(f"{made['Location']}versions/").content.decode()
    assert browser.post(f"{made['Location']}remove/").status_code == 409
    would = {"what": template_id, "when": "now", "soak_hours": "0", "failures_allowed": "0"}
    assert "Ring: General → Early" in browser.get(f"/o/{msp.pk}/rollouts/new/", would).content.decode()


def test_a_program_does_the_same(msp, paula, acme, office, program_of):
    api = program_of(paula, msp)
    home = f"organizations/{msp.pk}/client-templates"
    made = api.post(home, {"name": "Offices", "settings": {"ring": "early", "backups": None}})
    assert made.status_code == 201
    one = f"{home}/{made.json()['id']}"
    assert api.get(one).json()["settings"] == {"ring": "early", "backups": None}
    named = api.post(home, {"name": "Offices", "settings": {"ring": "odd", "sleep_after_minutes": 3}})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "settings.ring")
    client = f"organizations/{msp.pk}/clients/{acme.pk}/template"
    assert api.get(client).json() == {"template": None, "overrides": [], "wanted": [], "tenants": []}
    given = api.send("PUT", client, {"template": made.json()["id"]}).json()
    assert given["tenants"][0]["differences"] == [
        {
            "setting": "ring",
            "wanted": "early",
            "actual": "general",
            "asked_by": made.json()["id"],
            "is_brought": True,
        }
    ]
    assert api.get(f"{one}/drift").json()["results"][0]["tenant"] == office.pk
    kept = api.post(f"{client}/accept", {"tenant": office.pk, "setting": "ring"}).json()
    assert kept["overrides"][0]["reason"] == "As the tenant is"
    assert api.send("DELETE", f"{client}/overrides/ring").status_code == 204
    assert api.post(f"{client}/overrides", {"settings": {"ring": None}, "reason": "Theirs"}).json()["wanted"] == []
    changed = api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1})
    assert changed.json()["version"] == 2
    assert api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1}).status_code == 409
    assert [each["number"] for each in api.get(f"{one}/versions").json()["results"]] == [2, 1]
    assert api.send("DELETE", one).status_code == 409
    api.send("PUT", client, {"template": None})
    assert api.send("DELETE", one).status_code == 204


def test_a_viewer_of_the_msp_reads_and_changes_nothing(msp, paula, acme, used, office):
    used({"ring": "early"})
    viewer = person("victor")
    join(msp, invited_by=paula, user=viewer, role="viewer")
    browser = session_of(viewer)
    client = f"/o/{msp.pk}/clients/{acme.pk}/template/"
    page = browser.get(client)
    assert (page.status_code, "Keep" in page.content.decode()) == (200, False)
    assert browser.post(f"{client}follow/", {"setting": "ring"}).status_code == 403
