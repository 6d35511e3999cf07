"""Where people arrive: what is theirs, everything of it, and nothing of anybody else."""

import pytest
from django.test import Client

from controlplane import rls
from controlplane.actor import Actor
from fleet import queries
from organizations.actions import clients, grants
from organizations.models import Grant
from tenants.protection.deletion import actions as deletion
from tests.cast import actor_for, found, found_client, person, session_of

pytestmark = pytest.mark.django_db


def shown(answer) -> list[tuple[str, str]]:
    """Client and tenant of each line."""
    return [(line.client_name, line.row.tenant.name if line.row else "") for line in answer.context["lines"]]


def test_a_stranger_reads_what_this_is_and_the_lowest_price():
    page = Client().get("/")
    assert page.status_code == 200
    assert page.context["price"].startswith("$")


@pytest.mark.parametrize(
    ("name", "home", "page"),
    [("alice", "acme", ""), ("vera", "acme", ""), ("maria", "msp", "alerts/"), ("mallory", "rival", "")],
)
def test_whoever_is_signed_in_comes_home_to_their_own_organization(request, acme, msp, rival, name, home, page):
    answer = session_of(request.getfixturevalue(name)).get("/")
    assert (answer.status_code, answer["Location"]) == (302, f"/o/{request.getfixturevalue(home).pk}/{page}")


def test_whoever_belongs_nowhere_is_led_to_sign_up():
    assert session_of(person("nina")).get("/")["Location"] == "/sign-up/"


def test_home_is_known_also_where_this_session_has_yet_to_prove_it(acme, alice):
    unproven = Actor(user_id=alice.pk, kind="user", session_id="s", proofs=())
    with rls.acting_as(unproven.rls_actor):
        assert queries.home_of(unproven) == acme


def test_an_organization_sees_its_own_tenants_by_name(acme, alice, give_tenant, page_of):
    for name in ("Plant", "Office"):
        give_tenant(acme, alice, name)
    answer = page_of(alice, acme)
    assert [row.tenant.name for row in answer.context["rows"]] == ["Office", "Plant"]
    assert answer.context["summary"].word == "All running"
    assert "Create tenant" in answer.content.decode()


def test_a_viewer_sees_them_too_but_nothing_to_create(acme, alice, vera, give_tenant, page_of):
    give_tenant(acme, alice, "Office")
    page = page_of(vera, acme).content.decode()
    assert "Office" in page
    assert "Create tenant" not in page


def test_an_msp_sees_a_line_for_each_tenant_and_for_each_client_without_one(
    acme, bolt, msp, maria, alice, give_tenant, page_of
):
    give_tenant(acme, alice, "Plant")
    give_tenant(acme, alice, "Office")
    answer = page_of(maria, msp)
    assert shown(answer) == [("Acme", "Office"), ("Acme", "Plant"), ("Bolt", "")]
    assert "No tenant yet" in answer.content.decode()


def test_nobody_elses_clients_or_tenants_are_among_them(acme, msp, maria, alice, mallory, give_tenant, page_of):
    give_tenant(acme, alice, "Office")
    olga, stranger = person("olga"), found(mallory, "Southwatch", kind="msp")
    foreign = found_client(stranger, mallory, olga, "Foreign")
    give_tenant(foreign, olga, "Secret plant")
    assert shown(page_of(maria, msp)) == [("Acme", "Office")]
    assert shown(page_of(mallory, stranger)) == [("Foreign", "Secret plant")]
    for person_, organization in ((mallory, msp), (mallory, acme), (maria, stranger), (maria, foreign)):
        answer = page_of(person_, organization)
        assert answer.status_code == 404
        assert "Office" not in answer.content.decode()
        assert "Secret plant" not in answer.content.decode()


def test_a_client_does_not_see_the_msps_other_clients(acme, bolt, alice, vera, give_tenant, page_of):
    give_tenant(bolt, alice, "Bolt plant")
    assert page_of(vera, bolt).status_code == 404
    assert "Bolt plant" not in page_of(vera, acme).content.decode()


def test_a_client_that_withdrew_its_grant_is_gone_at_once(acme, bolt, msp, maria, alice, give_tenant, page_of):
    give_tenant(acme, alice, "Office")
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=Grant.objects.get(client=acme))
    assert shown(page_of(maria, msp)) == [("Bolt", "")]
    assert page_of(maria, acme).status_code == 404


def test_deleted_tenants_are_not_listed(acme, msp, alice, maria, edge, give_tenant, page_of):
    tenant, actor = give_tenant(acme, alice, "Office"), actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        deletion.delete(by=actor, tenant=tenant, confirm_name="Office")
    assert shown(page_of(maria, msp)) == [("Acme", "")]
    assert page_of(alice, acme).context["rows"] == []


def test_an_msps_own_tenants_are_among_them_and_said_to_be_its_own(acme, msp, paula, alice, give_tenant, page_of):
    give_tenant(msp, paula, "Our own")
    give_tenant(acme, alice, "Office")
    answer = page_of(paula, msp)
    assert shown(answer) == [("Acme", "Office"), ("Northwatch", "Our own")]
    assert [line.is_own for line in answer.context["lines"]] == [False, True]


def test_a_line_shows_what_is_under_way(acme, msp, maria, alice, give_tenant, page_of):
    give_tenant(acme, alice, "Office", runs=False)
    (line,) = page_of(maria, msp).context["lines"]
    assert (line.state, line.row.timeline.title) == ("provisioning", "Create tenant")


def test_creating_a_tenant_is_offered_only_where_the_grant_allows_it(acme, bolt, msp, maria, paula, page_of):
    """Clients here let the MSP do what an operator may: nobody of it creates."""
    assert not any(line.can_create for line in page_of(paula, msp).context["lines"])
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        clients.create_client(by=actor, msp=msp, name="Cargo", role_ceiling="owner")
    able = {line.client_name: line.can_create for line in page_of(paula, msp).context["lines"]}
    assert able == {"Acme": False, "Bolt": False, "Cargo": True}
    assert not any(line.can_create for line in page_of(maria, msp).context["lines"])
