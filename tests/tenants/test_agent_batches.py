"""Orders about agents of several tenants: each tenant's own, with what failed named and ordered once more."""

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid
from tenants.agents.batches import actions
from tenants.agents.models import AgentBatch, AgentOrder
from tenants.enrollment.tasks import read_agents
from tenants.provisioning import actions as provisioning
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, read_feed
from tests.tenants.edge_life import agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenants(new_tenant, edge, cell):
    """Two tenants of Acme that run, with two agents each."""
    found = []
    for name in ("Office", "Plant"):
        tenant, _ = new_tenant(name)
        deliver()
        found.append(with_agents(tenant, edge))
    return found


def with_agents(tenant, edge):
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    edge.agents[tenant.pk] = [agent("001"), agent("002")]
    read_agents("lo", tenant.pk)
    return fresh(tenant)


def everywhere(tenants, *numbers):
    return {tenant.pk: list(numbers or ["001"]) for tenant in tenants}


@pytest.fixture
def give(acme, alice_acts):
    def given(selection, by=alice_acts, organization=acme, **more):
        with rls.acting_as(by.rls_actor):
            return actions.give(by=by, organization=organization, selection=selection, **{"kind": "restart", **more})

    return given


def orders_of(batch) -> dict[str, AgentOrder]:
    with all_rows():
        return {order.tenant_id: order for order in AgentOrder.objects.filter(batch_id=batch.pk)}


def test_each_tenant_gets_an_order_of_its_own_that_goes_to_its_edge(tenants, give, edge):
    batch, parts = give(everywhere(tenants, "001", "002"))
    assert {part.tenant_id for part in parts if part.order} == {tenant.pk for tenant in tenants}
    deliver()
    for tenant in tenants:
        body = edge.orders[tenant.pk, orders_of(batch)[tenant.pk].pk]["body"]
        assert body == {"epoch": 1, "kind": "restart", "agents": ["001", "002"]}
    with all_rows():
        assert AuditEntry.objects.filter(action="tenants.agents.restart").count() == 2
        assert AuditEntry.objects.get(action="tenants.agents.order").data["tenants"] == 2


def test_a_tenant_that_refuses_keeps_nobody_from_theirs_and_is_named(tenants, give):
    selection = {tenants[0].pk: ["001"], tenants[1].pk: ["009"], "lo" + "q" * 24: ["001"]}
    batch, _ = give(selection)
    assert set(orders_of(batch)) == {tenants[0].pk}
    refused = {each["tenant"]: each for each in batch.refused}
    assert refused[tenants[1].pk]["message"] == "This tenant has no agent 009. Nothing was changed."
    assert refused["lo" + "q" * 24]["message"] == "There is no such tenant."


def test_where_none_takes_it_nothing_is_kept(tenants, give):
    with pytest.raises(Invalid):
        give(everywhere(tenants, "009"))
    with pytest.raises(Invalid):
        give({})
    with all_rows():
        assert not AgentBatch.objects.exists()
        assert not AgentOrder.objects.exists()


def test_trying_says_what_each_would_make_of_it_and_does_nothing(tenants, acme, alice_acts):
    selection = {tenants[0].pk: ["001"], tenants[1].pk: ["009"]}
    with rls.acting_as(alice_acts.rls_actor):
        parts = actions.attempt(by=alice_acts, organization=acme, selection=selection, kind="remove")
    assert [part.order is not None for part in parts] == [True, False]
    with all_rows():
        assert not AgentOrder.objects.exists()


def test_what_failed_or_was_refused_is_ordered_once_more_and_nothing_else(tenants, give, acme, alice_acts, edge):
    batch, _ = give({tenants[0].pk: ["001", "002"], tenants[1].pk: ["003"]}, kind="upgrade", version="v4.14.7")
    deliver()
    order = orders_of(batch)[tenants[0].pk]
    edge.settle_order(tenants[0].pk, order.pk, "001", "done")
    edge.settle_order(tenants[0].pk, order.pk, "002", "failed", "The repository is not reachable")
    edge.agents[tenants[1].pk].append(agent("003"))
    read_feed()
    read_agents("lo", tenants[1].pk)
    with rls.acting_as(alice_acts.rls_actor):
        again, _ = actions.retry(by=alice_acts, batch=batch, organization=acme)
    deliver()
    bodies = {tenant: edge.orders[tenant, order.pk]["body"] for tenant, order in orders_of(again).items()}
    assert {tenant: body["agents"] for tenant, body in bodies.items()} == {
        tenants[0].pk: ["002"],
        tenants[1].pk: ["003"],
    }
    assert all(body["version"] == "v4.14.7" for body in bodies.values())
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(Conflict):
        actions.retry(by=alice_acts, batch=again, organization=acme)


def test_an_msps_person_orders_in_several_clients_and_their_trails_name_the_grant(
    tenants, give, msp, maria, paula, alice, edge
):
    bolt = found_client(msp, paula, alice, "Bolt")
    owner = actor_for(alice)
    with rls.acting_as(owner.rls_actor):
        bolts, _ = provisioning.create(by=owner, organization=bolt, name="Bolts")
    bolts = with_agents(bolts, edge)
    browser = session_of(maria)
    chosen = [f"{tenants[0].pk}:001", f"{bolts.pk}:001"]
    done = browser.post(f"/o/{msp.pk}/agent-orders/new/", {"kind": "restart", "agents": chosen, "go": "yes"})
    assert done.status_code == 302, done.content.decode()[:500]
    page = browser.get(done["Location"]).content.decode()
    assert "Office" in page
    assert "Bolts" in page
    with all_rows():
        entries = AuditEntry.objects.filter(action="tenants.agents.restart")
        assert {entry.organization_id for entry in entries} == {bolt.pk, tenants[0].organization_id}
        assert all(entry.actor["user"] == maria.pk and entry.actor["grant"] for entry in entries)


def test_a_viewer_orders_nothing_and_a_stranger_finds_nothing(tenants, give, vera, mallory, acme):
    with pytest.raises(Forbidden):
        give(everywhere(tenants), by=actor_for(vera))
    batch, _ = give(everywhere(tenants))
    assert session_of(mallory).get(f"/o/{acme.pk}/agent-orders/{batch.pk}/").status_code == 404


def test_the_inventory_lets_choose_shows_what_it_would_do_and_follows_it(tenants, alice, acme):
    browser = session_of(alice)
    shown = browser.get(f"/o/{acme.pk}/agents/?select=1").content.decode()
    chosen = [f"{tenant.pk}:001" for tenant in tenants]
    assert all(f'value="{each}"' in shown for each in chosen)
    path = f"/o/{acme.pk}/agent-orders/new/"
    tried = browser.post(path, {"kind": "upgrade", "agents": [*chosen, f"{tenants[0].pk}:009"], "version": ""})
    assert "Refuses" in tried.content.decode()
    assert "Takes it" in tried.content.decode()
    with all_rows():
        assert not AgentOrder.objects.exists()
    done = browser.post(path, {"kind": "upgrade", "agents": chosen, "version": "", "go": "yes"})
    page = browser.get(done["Location"]).content.decode()
    assert 'hx-trigger="every 3s"' in page
    assert "Upgrade" in browser.get(f"/o/{acme.pk}/agent-orders/").content.decode()
    assert browser.post(path, {"kind": "odd", "agents": chosen}).status_code == 302
    assert browser.post(path, {"kind": "restart"}).status_code == 302
    assert browser.post(f"{done['Location']}retry/").status_code == 409


def test_a_program_tries_orders_reads_and_retries(tenants, api, acme):
    path = f"organizations/{acme.pk}/agent-orders"
    asked = {
        "kind": "groups",
        "groups": ["web"],
        "selection": [
            {"tenant": tenants[0].pk, "agents": ["001"]},
            {"tenant": tenants[1].pk, "agents": ["009"]},
        ],
    }
    tried = api.post(f"{path}?validate_only=true", asked).json()["parts"]
    assert [(each["takes"], each["code"]) for each in tried] == [(True, ""), (False, "INVALID")]
    given = api.post(path, asked)
    assert given.status_code == 202
    one = given["Location"].removeprefix("/api/v1/")
    read = api.get(one).json()
    assert [order["tenant"] for order in read["orders"]] == [tenants[0].pk]
    assert [each["tenant"] for each in read["refused"]] == [tenants[1].pk]
    assert len(api.get(path).json()["results"]) == 1
    assert api.post(f"{one}/retry", {}).status_code == 422
    twice = {**asked, "selection": [asked["selection"][0], asked["selection"][0]]}
    assert api.post(path, twice).status_code == 422


def test_a_key_that_is_limited_to_a_tenant_sees_no_other_tenants_part(tenants, give, program_of, alice, acme):
    batch, _ = give(everywhere(tenants))
    limited = program_of(alice, acme, ["tenant.view", "agent.view", "agent.manage"], tenant_ids=[tenants[0].pk])
    read = limited.get(f"organizations/{acme.pk}/agent-orders/{batch.pk}").json()
    assert [order["tenant"] for order in read["orders"]] == [tenants[0].pk]
    asked = {"kind": "restart", "selection": [{"tenant": tenants[1].pk, "agents": ["001"]}]}
    refused = limited.post(f"organizations/{acme.pk}/agent-orders", asked)
    assert refused.status_code == 422
    assert "There is no such tenant." in refused.json()["detail"]
