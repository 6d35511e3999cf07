"""One client brought in by a form or a call, whole or not at all."""

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from fleet.client_templates import actions as templates
from fleet.client_templates.models import TemplateUse
from fleet.onboarding.actions import onboard
from fleet.onboarding.wanted import Wanted
from organizations.models import Grant, Organization
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.fleet.client_templates.conftest import WINDOW
from tests.fleet.onboarding.conftest import WHOLE, made, with_template

pytestmark = pytest.mark.django_db


def test_one_has_all_that_its_template_asks_for_and_its_people_are_invited(msp, as_paula, offices):
    done = onboard(by=as_paula, msp=msp, wanted=with_template(offices))
    tenant = Tenant.objects.get(pk=done.tenant.pk)
    assert (tenant.ring, tenant.maintenance_window, tenant.protected) == ("early", WINDOW, True)
    assert (tenant.spec["version"], tenant.spec["retention_days"]) == ("4.14.6", 3)
    assert (tenant.sleep_after_minutes, tenant.spec["backups"]) == (60, {"every_hours": 12, "keep": 10})
    assert (done.operation.kind, done.token.max_uses, done.token.groups) == ("create", 9, ["offices"])
    assert done.secret.startswith("enr_")
    assert [(each.email, each.role) for each in done.invitations] == [("ann@juniper.example", "owner")]
    with all_rows():
        grant = Grant.objects.get(client=done.client)
        told = AuditEntry.objects.filter(organization_id=done.client.pk, action="organizations.grant.create").get()
    assert (grant.role_ceiling, told.data["role_ceiling"], done.client.jurisdiction) == ("operator", "operator", "eu")
    assert TemplateUse.objects.get(client=done.client).template == offices


def test_what_fails_at_the_end_leaves_nothing_of_the_beginning(msp, as_paula, offices):
    before = made()
    with pytest.raises(Invalid):
        onboard(by=as_paula, msp=msp, wanted=with_template(offices, administrators=["maria@example.test"]))
    templates.change(by=as_paula, template=offices, name="Offices", parent=None, settings={"retention_days": 3000})
    with pytest.raises(Invalid):
        onboard(by=as_paula, msp=msp, wanted=with_template(offices))
    assert made() == before


def test_an_external_id_is_a_clients_once(msp, as_paula):
    onboard(by=as_paula, msp=msp, wanted=WHOLE)
    before = made()
    with pytest.raises(Conflict) as refused:
        onboard(by=as_paula, msp=msp, wanted=WHOLE)
    assert (refused.value.code, made()) == ("EXTERNAL_ID_TAKEN", before)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"external_id": "ä"}, "external_id"),
        ({"jurisdiction": "moon"}, "jurisdiction"),
        ({"template": "tpl_unknown"}, "template"),
        ({"tenant": "x" * 200}, "tenant"),
        ({"administrators": ["not an address"]}, "administrators"),
        ({"administrators": [f"a{n}@x.example" for n in range(11)]}, "administrators"),
        ({"role_ceiling": "king"}, "role_ceiling"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(msp, as_paula, wrong, field):
    with pytest.raises(Invalid) as refused:
        onboard(by=as_paula, msp=msp, wanted=Wanted.read({**WHOLE.as_json(), **wrong}))
    assert field in {each.field for each in refused.value.errors}


def test_an_admin_of_the_msp_is_told_what_their_role_leaves_out(msp, paula, offices):
    ada = person("ada")
    join(msp, invited_by=paula, user=ada, role="admin")
    by = actor_for(ada)
    with rls.acting_as(by.rls_actor):
        done = onboard(by=by, msp=msp, wanted=with_template(offices))
    assert "billing.manage" in done.not_had[0]
    assert {each.role for each in done.invitations} == {"admin"}


def test_an_operator_and_who_is_outside_bring_nobody_in(msp, maria, mallory, alice, acme):
    for user, refusal in ((maria, Forbidden), (mallory, NotFound), (alice, NotFound)):
        with rls.acting_as(actor_for(user).rls_actor), pytest.raises(refusal):
            onboard(by=actor_for(user), msp=msp, wanted=WHOLE)
    with rls.acting_as(actor_for(alice).rls_actor), pytest.raises(Conflict):
        onboard(by=actor_for(alice), msp=acme, wanted=WHOLE)


def test_after_the_founding_the_access_is_no_more_than_what_was_kept(msp, paula, as_paula):
    done = onboard(by=as_paula, msp=msp, wanted=Wanted("Juniper", role_ceiling="viewer"))
    browser = session_of(paula, working_in=done.client)
    assert browser.get(f"/o/{done.client.pk}/members/").status_code == 200
    assert browser.get(f"/o/{done.client.pk}/tenants/new/").status_code == 403


def test_a_person_fills_in_one_form_and_sees_what_was_made_and_the_token_once(msp, paula, offices, as_paula):
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/new/"
    assert "Offices" in browser.get(path).content.decode()
    asked = {"name": "Juniper", "external_id": "crm-1", "jurisdiction": "eu", "template": offices.pk}
    page = browser.post(path, {**asked, "tenant": "Production", "administrators": "ann@juniper.example\nb@x.example"})
    text = page.content.decode()
    assert (page.status_code, text.count("is invited as owner"), "enr_" in text) == (200, 2, True)
    again = browser.post(path, asked)
    assert (again.status_code, "external_id" in again.context["form"].errors) == (422, True)
    client = Organization.objects.get(name="Juniper")
    assert "enr_" not in browser.get(f"/o/{client.pk}/").content.decode()


def test_a_program_tries_it_out_and_does_it(msp, paula, offices, as_paula, program_of):
    api, path = program_of(paula, msp), f"organizations/{msp.pk}/onboardings"
    asked = {"name": "Juniper", "external_id": "crm-1", "jurisdiction": "eu", "tenant": "Production"}
    before = made()
    would = api.post(f"{path}?validate_only=true", {**asked, "template": offices.pk})
    assert (would.status_code, would.json()["client"], would.json()["token"]) == (200, "", None)
    assert made() == before
    done = api.post(path, {**asked, "template": offices.pk, "administrators": ["ann@juniper.example"]})
    assert (done.status_code, done.json()["token"]["secret"][:4]) == (201, "enr_")
    assert api.get(done["Location"].removeprefix("/api/v1/")).json()["external_id"] == "crm-1"
    assert api.post(path, asked).status_code == 409
