"""Kept views of the fleet: groups by what tenants have in common, of one person or of everybody in the MSP."""

from dataclasses import replace

import pytest

from controlplane import rls
from controlplane.problems import Forbidden, Invalid, NotFound
from fleet.clients import actions, queries
from fleet.clients.filters import Asked
from fleet.clients.models import FleetView
from organizations.permissions import OF_TENANTS
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited
from tests.tenants.conftest import make_due

pytestmark = pytest.mark.django_db

FAILED = Asked.read({"state": "failed"})


@pytest.fixture
def viewer(msp, acme, paula):
    walter = person("walter")
    join(msp, invited_by=paula, user=walter, role="viewer")
    return walter


def keep(user, msp, name="Trouble", **more) -> FleetView:
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        return actions.save(by=actor, msp=msp, name=name, asked=more.pop("asked", FAILED), **more)


def seen(user, msp) -> list[str]:
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        return sorted(queries.views_of(actor, msp).values_list("name", flat=True))


def test_ones_own_view_is_nobody_elses_and_a_shared_one_is_everybodys(msp, maria, paula, viewer):
    keep(maria, msp, "Mine")
    view = keep(maria, msp, "Ours", shared=True)
    assert (seen(maria, msp), seen(paula, msp), seen(viewer, msp)) == (["Mine", "Ours"], ["Ours"], ["Ours"])
    entry = next(each for each in audited(msp.pk) if each.target == view.pk)
    assert (entry.action, entry.data["name"], entry.data["shared"]) == ("fleet.view.create", "Ours", True)


def test_who_is_in_a_view_is_asked_anew_each_time(msp, acme, maria, alice, give_tenant, page_of):
    view, office = keep(maria, msp), give_tenant(acme, alice, "Office")
    page = page_of(maria, msp, f"?view={view.pk}")
    assert page.context["lines"] == []
    assert [(tab["label"], tab["current"]) for tab in page.context["tabs"]] == [
        ("All clients", False),
        ("Trouble", True),
    ]
    make_due(office, halted_at=office.created_at)
    assert [line.row.tenant.name for line in page_of(maria, msp, f"?view={view.pk}").context["lines"]] == ["Office"]
    assert page_of(maria, msp, f"?view={view.pk}&ring=canary").context["lines"] == []


def test_a_view_needs_a_name_that_is_free_and_a_filter(msp, acme, maria, paula):
    keep(maria, msp, "Trouble", shared=True)
    for name in ("", "x" * 61, "trouble"):
        with pytest.raises(Invalid):
            keep(paula, msp, name, shared=True)
    keep(paula, msp, "Trouble")
    with pytest.raises(Invalid):
        keep(maria, msp, "Everything", asked=Asked.read({}))


def test_only_so_many_are_kept(msp, acme, maria, monkeypatch):
    monkeypatch.setattr(actions, "MOST", 2)
    for name in "ab":
        keep(maria, msp, name)
    with pytest.raises(Invalid):
        keep(maria, msp, "c")
    keep(maria, msp, "c", shared=True)


def test_a_viewer_keeps_views_and_shares_none(msp, maria, viewer):
    keep(viewer, msp, "Mine")
    with pytest.raises(Forbidden):
        keep(viewer, msp, "Ours", shared=True)
    view, actor = keep(maria, msp, "Ours", shared=True), actor_for(viewer)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        actions.remove(by=actor, view=view)


def test_only_who_made_a_shared_view_takes_it_back(msp, acme, maria, paula):
    view, other, own = keep(maria, msp, shared=True), actor_for(paula), actor_for(maria)
    with rls.acting_as(other.rls_actor):
        with pytest.raises(Forbidden):
            actions.change(by=other, view=view, shared=False)
        assert actions.change(by=other, view=view, name="Red").name == "Red"
    with rls.acting_as(own.rls_actor):
        actions.change(by=own, view=view, shared=False)
    assert seen(paula, msp) == []


def test_somebody_elses_own_view_is_not_found(msp, acme, maria, paula):
    view, actor = keep(maria, msp), actor_for(paula)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        queries.view(actor, msp, view.pk)


def kept() -> list[FleetView]:
    with all_rows():
        return list(FleetView.objects.all())


def test_the_page_keeps_renames_and_removes_a_view(msp, acme, maria):
    browser = session_of(maria)
    made = browser.post(f"/o/{msp.pk}/fleet/views/", {"view_name": "Red", "state": "failed", "sort": "state"})
    (view,) = kept()
    assert made["Location"] == f"/o/{msp.pk}/?view={view.pk}"
    assert (view.name, view.filters, view.sort, view.shared) == ("Red", {"state": "failed"}, "state", False)
    browser.post(f"/o/{msp.pk}/fleet/views/{view.pk}/", {"view_name": "Redder", "shared": "on"})
    assert [(view.name, view.shared) for view in kept()] == [("Redder", True)]
    again = browser.post(f"/o/{msp.pk}/fleet/views/", {"view_name": "", "state": "failed"}, follow=True)
    assert "1 to 60 printable characters" in again.content.decode()
    browser.post(f"/o/{msp.pk}/fleet/views/{view.pk}/remove/")
    assert kept() == []


def test_the_api_keeps_lists_changes_and_removes_views(msp, acme, maria):
    browser, at = session_of(maria), f"/api/v1/organizations/{msp.pk}/fleet/views"
    given = {"name": "Red", "filters": {"state": "failed,attention"}, "sort": "state"}
    made = browser.post(at, given, content_type="application/json")
    assert made.status_code == 201
    one = made["Location"]
    assert browser.get(one).json() == made.json()
    assert browser.get(at).json()["results"] == [made.json()]
    changed = browser.patch(one, {"filters": {"ring": "canary"}}, content_type="application/json").json()
    assert (changed["filters"], changed["sort"], changed["name"]) == ({"ring": "canary"}, "state", "Red")
    for wrong in ({"filters": {"size": "x"}}, {"filters": {"state": "x"}}, {"sort": "x"}, {"filters": {}}):
        assert browser.patch(one, wrong, content_type="application/json").status_code == 422, wrong
    assert browser.delete(one).status_code == 204
    assert browser.get(one).status_code == 404


def test_a_key_that_is_limited_to_some_tenants_sees_and_changes_no_view(msp, maria):
    view = keep(maria, msp, "Ours", shared=True)
    key = replace(actor_for(maria), kind="api_key", key_id="key_x", scopes=OF_TENANTS, tenant_ids=frozenset({"t"}))
    with rls.acting_as(key.rls_actor):
        assert not queries.views_of(key, msp).exists()
        for act in (actions.change, actions.remove):
            with pytest.raises(Forbidden):
                act(by=key, view=view)


def test_a_view_that_is_shared_later_counts_as_one_of_everybodys(msp, maria, monkeypatch):
    monkeypatch.setattr(actions, "MOST", 1)
    keep(maria, msp, "Ours", shared=True)
    mine, actor = keep(maria, msp, "Mine"), actor_for(maria)
    with rls.acting_as(actor.rls_actor), pytest.raises(Invalid):
        actions.change(by=actor, view=mine, shared=True)
