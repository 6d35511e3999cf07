"""Roll-outs over an MSP's clients, and their doors: who may begin, see and end them, by pages and by the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from organizations.actions import grants
from organizations.models import Grant
from tenants.protection.maintenance import rings
from tenants.provisioning import actions as provisioning
from tenants.provisioning.models import Cell, Operation
from tenants.rollouts import queries
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.tenants.conftest import fresh
from tests.tenants.test_rollouts import beat, fleet, now_of, reasons_of, start, states_of, succeed

pytestmark = pytest.mark.django_db
__all__ = ["fleet", "start"]


# An MSP's


@pytest.fixture
def clients(fleet, msp, paula, alice, edge):
    """Acme with its three, and Bolt with a canary of its own; both let Northwatch in up to operator."""
    bolt = found_client(msp, paula, alice, "Bolt")
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        tenant, _ = provisioning.create(by=actor, organization=bolt, name="Bolts")
        rings.set_ring(by=actor, tenant=tenant, ring="canary")
    succeed(tenant, edge)
    return {**fleet, "bolts": fresh(tenant)}


def test_an_msp_rolls_out_over_its_clients_and_their_trails_name_person_and_grant(clients, start, msp, maria):
    rollout = start(by=actor_for(maria), organization=msp)
    with all_rows():
        begun = AuditEntry.objects.filter(action="tenants.tenant.upgrade")
        assert {entry.organization_id for entry in begun} == {
            clients["canary"].organization_id,
            clients["bolts"].organization_id,
        }
        for entry in begun:
            assert entry.actor["user"] == maria.pk
            assert entry.actor["grant"] == Grant.objects.get(client=entry.organization_id).pk
    assert now_of(rollout) == ("running", "canary")


def test_who_lost_a_clients_leave_meanwhile_changes_nothing_there(clients, start, msp, maria, alice, edge):
    rollout = start(
        by=actor_for(maria), organization=msp, only={"tenants": [clients[n].pk for n in ("bolts", "early")]}
    )
    owner = actor_for(alice)
    with rls.acting_as(owner.rls_actor):
        grants.withdraw(by=owner, grant=Grant.objects.get(client=clients["early"].organization_id))
    succeed(clients["bolts"], edge)
    beat()
    assert now_of(rollout) == ("held", "early")
    assert "may not do it here" in reasons_of(rollout)["Early"]
    assert fresh(clients["early"]).spec["version"] == "4.14.7"
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        seen = queries.targets_of(actor, Rollout.objects.get(pk=rollout.pk))
        assert {target.tenant_name for target in seen} == {"Bolts"}


def test_a_viewer_begins_none_and_strangers_see_none(fleet, start, vera, mallory, acme):
    with pytest.raises(Forbidden):
        start(by=actor_for(vera))
    rollout = start()
    assert session_of(mallory).get(f"/o/{acme.pk}/rollouts/{rollout.pk}/").status_code == 404


# Its pages and its API


def test_the_page_shows_what_it_would_do_and_begins_it(fleet, alice, acme):
    browser = session_of(alice)
    asked = {"what": "4.14.6", "when": "now", "soak_hours": "0", "failures_allowed": "0"}
    shown = browser.get(f"/o/{acme.pk}/rollouts/new/", asked).content.decode()
    assert shown.index("Canary") < shown.index("Early") < shown.index("General")
    assert shown.count("Takes it") == 3
    with all_rows():
        assert not Rollout.objects.exists()
    begun = browser.post(f"/o/{acme.pk}/rollouts/new/", asked)
    assert begun.status_code == 302
    detail = browser.get(begun["Location"]).content.decode()
    assert "End it" in detail
    assert 'hx-trigger="every 5s"' in detail
    assert "Wazuh 4.14.6" in browser.get(f"/o/{acme.pk}/rollouts/").content.decode()
    assert browser.post(f"{begun['Location']}end/").status_code == 302
    assert browser.post(f"{begun['Location']}end/").status_code == 409


def test_what_is_offered_first_to_a_whole_fleet_is_never_a_candidate(fleet, alice, acme):
    with all_rows():
        Cell.objects.update(versions=["4.14.6", "5.0.0-rc", "4.14.7-slow", "4.14.7"])
    shown = session_of(alice).get(f"/o/{acme.pk}/rollouts/new/").context["form"]["what"]
    offered = [words for _, words in shown.field.choices if words.startswith("Wazuh")]
    assert offered == ["Wazuh 4.14.7", "Wazuh 4.14.6", "Wazuh 5.0.0-rc", "Wazuh 4.14.7-slow"]


def test_a_wrong_form_says_what_to_mend(fleet, alice, acme):
    answer = session_of(alice).get(f"/o/{acme.pk}/rollouts/new/", {"what": "4.14.6", "soak_hours": "-3"})
    assert answer.status_code == 422


def test_a_page_over_many_tenants_asks_no_more_than_over_few(fleet, start, alice, acme):
    rollout = start()
    browser = session_of(alice)
    browser.get(f"/o/{acme.pk}/rollouts/{rollout.pk}/")
    with all_rows():
        more = RolloutTarget.objects.filter(rollout=rollout).first()
        RolloutTarget.objects.bulk_create(
            RolloutTarget(
                organization=acme,
                rollout=rollout,
                ring="general",
                tenant_id=f"lo{number:024}",
                tenant_name=f"t{number}",
                tenant_organization_id=more.tenant_organization_id,
                tenant_organization_name="Acme",
            )
            for number in range(200)
        )
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(f"/o/{acme.pk}/rollouts/{rollout.pk}/").status_code == 200
    of_rollouts = [query["sql"] for query in asked if "rollout" in query["sql"]]
    assert len(of_rollouts) == 2
    assert not any("COUNT(" in sql for sql in of_rollouts)


def test_a_program_tries_begins_reads_and_ends_one(fleet, api, acme):
    path = f"organizations/{acme.pk}/rollouts"
    asked = {"version": "4.14.6", "soak_hours": 0}
    would = api.post(f"{path}?validate_only=true", asked)
    assert would.status_code == 200
    assert [(each["ring"], each["outcome"]) for each in would.json()["targets"]] == [
        ("canary", "takes"),
        ("early", "takes"),
        ("general", "takes"),
    ]
    assert api.get(path).json()["results"] == []
    made = api.post(path, asked)
    assert made.status_code == 201
    one = made["Location"].removeprefix("/api/v1/")
    beat()
    assert api.get(one).json()["state"] == "running"
    assert {each["ring"]: each["state"] for each in api.get(f"{one}/tenants").json()["results"]} == {
        "canary": "running",
        "early": "pending",
        "general": "pending",
    }
    assert len(api.get(f"{one}/tenants?state=pending").json()["results"]) == 2
    assert api.get(f"{one}/tenants?state=odd").status_code == 400
    assert api.post(f"{one}/go-on", {}).status_code == 409
    assert api.post(f"{one}/retry", {}).status_code == 409
    assert api.post(f"{one}/end", {}).json()["state"] == "ended"
    assert api.post(path, {"version": "9.9.9"}).status_code == 422


def test_a_key_that_is_limited_to_tenants_reaches_and_sees_no_other(fleet, program_of, alice, acme, start):
    limited = program_of(alice, acme, tenant_ids=[fleet["early"].pk], scopes=["tenant.view", "tenant.operate"])
    path = f"organizations/{acme.pk}/rollouts"
    made = limited.post(path, {"version": "4.14.6"})
    beat()
    one = made["Location"].removeprefix("/api/v1/")
    assert {each["tenant"] for each in limited.get(f"{one}/tenants").json()["results"]} == {fleet["early"].pk}
    assert states_of(Rollout(pk=made.json()["id"])) == {"early": "running"}
    limited.post(f"{one}/end", {})
    with all_rows():
        Operation.objects.filter(kind="upgrade").update(state="succeeded")
    whole = start()
    assert limited.get(f"{path}/{whole.pk}").status_code == 404


def test_the_ring_is_a_setting_like_the_others(running, api, alice):
    assert api.get(f"tenants/{running.pk}").json()["ring"] == "general"
    assert api.send("PATCH", f"tenants/{running.pk}", {"ring": "canary"}).json()["ring"] == "canary"
    assert api.send("PATCH", f"tenants/{running.pk}", {"ring": "odd"}).status_code == 422
    assert [each["id"] for each in api.get("tenants?ring=canary").json()["results"]] == [running.pk]
    browser = session_of(alice)
    assert browser.post(f"/t/{running.pk}/ring/", {"ring": "early"}).status_code == 302
    assert 'value="early" selected' in browser.get(f"/t/{running.pk}/settings/").content.decode()
    assert fresh(running).generation == running.generation
    with all_rows():
        told = AuditEntry.objects.filter(action="tenants.tenant.set_ring").order_by("position")
        assert [entry.data["ring"] for entry in told] == ["canary", "early"]
