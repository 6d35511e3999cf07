"""What changes by itself in an open page: a tenant coming up, agents arriving, events, a lost connection."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from controlplane import rls
from tenants.enrollment.tokens import actions as enrollment
from tests.browser.conftest import PHONE, on_every_screen
from tests.browser.edge import ago
from tests.browser.world import World
from tests.cast import actor_for

SOON = 9_000
"""Milliseconds in which an open page must have noticed: a few looks."""


def path_of(world: World, name: str, rest: str = "") -> str:
    return f"/t/{world.tenants[name].pk}/{rest}"


@on_every_screen
def test_a_tenant_that_comes_up_shows_so_without_a_reload(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Baltic production"), by=world.paula)
    expect(page.get_by_role("region", name="Topology").get_by_text("2 not running")).to_be_visible()
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="indexer: Running").focus()

    world.edge.run(world.tenants["Baltic production"].pk)
    world.read()

    expect(page.get_by_text("3 nodes, all running")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Open dashboard")).to_be_visible()
    assert page.evaluate("window.stayed")
    assert page.evaluate("document.activeElement.textContent").strip().startswith("indexer")


def test_a_running_step_counts_its_seconds(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Baltic production"), by=world.paula)
    clock = page.locator(".steps .now time")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before, timeout=SOON)
    assert len(clock.inner_text()) == 5


def test_the_end_of_an_operation_is_told_on_whatever_page_one_is(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/members/", by=world.paula)
    both = page.get_by_role("link", name="2 operations")
    expect(both).to_be_visible(timeout=SOON)

    world.edge.run(world.tenants["Baltic production"].pk)
    world.read()

    expect(page.get_by_role("status", name="Notices")).to_contain_text(
        "Baltic production: create tenant succeeded.", timeout=SOON
    )
    expect(both).to_have_count(0)
    expect(page.get_by_role("link", name="Export: Production")).to_be_visible()
    page.get_by_role("button", name="Close notice").click()
    expect(page.locator("[data-toast]")).to_have_count(0)


@on_every_screen
def test_waiting_for_the_first_agent_turns_into_its_name(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", f"tokens/{world.tokens['Warehouse laptops'].pk}/"), by=world.alice)
    expect(page.get_by_text("Waiting for the first agent…")).to_be_visible()

    tenant, token = world.tenants["Production"].pk, world.tokens["Warehouse laptops"].pk
    world.edge.enrolled(tenant, token, name="forklift-07", number="007")
    world.read()

    expect(page.get_by_text("forklift-07")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Waiting for the first agent…")).to_have_count(0)


def test_a_refused_machine_shows_on_its_tokens_page_with_the_reason(world: World, visit: Callable[..., Page]) -> None:
    token = world.tokens["Warehouse laptops"].pk
    page = visit(path_of(world, "Production", f"tokens/{token}/"), by=world.alice)
    world.edge.refused(world.tenants["Production"].pk, token, "expired")
    world.read()
    expect(page.get_by_text("the token had expired")).to_be_visible(timeout=SOON)


def _alert(seq: int, words: str) -> dict[str, Any]:
    data = {"rule": {"level": 10, "description": words, "id": "5763"}, "agent": {"id": "001", "name": "wms-01"}}
    return {"seq": seq, "at": ago(1), "kind": "alert", "data": data}


@on_every_screen
def test_events_appear_on_top_as_they_come_and_a_pause_holds_them_back(
    world: World, visit: Callable[..., Page]
) -> None:
    tenant = world.tenants["Production"].pk
    page = visit(path_of(world, "Production", "events/"), by=world.alice)
    rows = page.locator("#event-rows tr")
    expect(rows).to_have_count(30)

    world.edge.logs[tenant].append(_alert(31, "A first new alert"))
    expect(rows.first).to_contain_text("A first new alert", timeout=SOON)
    expect(rows).to_have_count(31)

    page.get_by_role("button", name="Pause").click()
    world.edge.logs[tenant].append(_alert(32, "A second new alert"))
    page.wait_for_timeout(3_000)
    expect(rows).to_have_count(31)
    page.get_by_role("button", name="Resume").click()
    expect(rows.first).to_contain_text("A second new alert", timeout=SOON)


def test_events_can_be_narrowed_to_a_kind(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "events/?kind=audit"), by=world.alice)
    assert page.get_by_role("link", name="Audit", exact=True).get_attribute("aria-current") == "true"
    expect(page.locator("#event-rows tr")).to_have_count(0)


@pytest.mark.usefixtures("faults_expected")
def test_a_lost_connection_is_said_and_taken_back(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Baltic production"), by=world.paula)
    warning = page.get_by_text("No connection. What you see may be old")
    expect(warning).to_be_hidden()
    page.context.set_offline(True)
    expect(warning).to_be_visible(timeout=SOON)
    page.context.set_offline(False)
    expect(warning).to_be_hidden(timeout=SOON)


def test_a_form_that_is_open_is_not_swept_away_by_an_update(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "agents/"), by=world.alice)
    page.get_by_role("button", name="Quarantine sftp-01").click()
    why = page.get_by_label("Why").locator("visible=true")
    why.fill("Its disk was copied")
    page.wait_for_timeout(6_000)
    assert why.input_value() == "Its disk was copied"


def test_pages_of_a_revoked_token_do_not_wait_any_more(world: World, visit: Callable[..., Page]) -> None:
    by = actor_for(world.alice)
    with rls.acting_as(by.rls_actor):
        enrollment.revoke_token(by=by, token=world.tokens["Warehouse laptops"])
    page = visit(path_of(world, "Production", f"tokens/{world.tokens['Warehouse laptops'].pk}/"), by=world.alice)
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
    expect(page.get_by_text("Waiting for the first agent…")).to_have_count(0)


def test_a_node_that_runs_and_is_not_well_is_the_one_that_is_shown_with_what_is_wrong(
    world: World, visit: Callable[..., Page], pictures: Callable[[Page, str], None]
) -> None:
    page = visit(path_of(world, "Production"), by=world.alice)
    topology = page.get_by_role("region", name="Topology")
    expect(topology.get_by_text("Well", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"Ingest verified \d+ min ago"))).to_be_visible()

    message = "Its disk is more than 95 % full: no alert is taken."
    world.edge.ail(world.tenants["Production"].pk, "indexer", "DISK_FULL", message)
    world.read()

    expect(topology.get_by_text("3 nodes, 1 not well")).to_be_visible(timeout=SOON)
    assert page.get_by_role("link", name="indexer: Failing").is_visible()
    expect(page.get_by_text(f"The indexer runs, but it is not well. {message}")).to_be_visible()
    page.get_by_role("link", name="indexer: Failing").click()
    expect(topology.locator(".note")).to_have_text(message)
    pictures(page, "tenant-not-well")
    page.set_viewport_size(PHONE)
    pictures(page, "tenant-not-well-phone")
