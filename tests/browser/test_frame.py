"""The frame around all pages: keyboard, menus, search, theme, switching organizations, the narrow screen."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROWEST, PHONE, on_every_screen
from tests.browser.world import World


def test_the_first_tab_leads_past_the_navigation(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/", by=world.alice)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_a_tenants_menu_and_its_nodes_are_reached_by_keyboard(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/", by=world.alice)
    page.get_by_role("button", name="Actions").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Create enrollment token")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Create enrollment token")).to_be_hidden()
    page.get_by_role("link", name="indexer: Running").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"node=indexer-0#node$"))
    expect(page.locator("#node")).to_contain_text("Stores the alerts and searches them.")


def test_search_opens_by_ctrl_k_and_arrows_lead_to_the_result(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/", by=world.paula)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("dunm")
    found = page.locator("#found").get_by_role("link", name="Dunmore production")
    expect(found).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Work in Dunmore Council").click()
    expect(page.get_by_role("heading", name="Dunmore production")).to_be_visible()


def test_search_finds_agents_and_says_when_there_is_nothing(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/", by=world.alice)
    page.keyboard.press("Control+k")
    page.keyboard.type("sftp")
    expect(page.locator("#found").get_by_role("link", name="sftp-01")).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("dunmore")
    expect(page.locator("#found")).to_contain_text("No tenant or agent that you can see is called “dunmore”")


def test_what_is_begun_anywhere_is_found_by_its_words_and_opened_by_enter(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/backups/", by=world.alice)
    page.keyboard.press("Control+k")
    actions = page.get_by_role("region", name="Actions")
    expect(actions.get_by_role("link", name="Create tenant")).to_be_visible()
    page.keyboard.type("token creat")
    expect(actions.get_by_role("link")).to_have_text(["Create enrollment token"])
    expect(page.get_by_role("region", name="Pages of Acme")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Create enrollment token")).to_be_visible()


def test_nobody_is_offered_what_their_role_lacks(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/", by=world.vera)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("region", name="Pages of Production")).to_be_visible()
    assert page.get_by_role("link", name="Create tenant").count() == 0


def test_the_theme_is_kept_and_follows_the_system_until_chosen(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/", by=world.alice, theme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light


def test_the_theme_is_switched_without_script_too(world: World, visit: Callable[..., Page]) -> None:
    page = visit("/sign-in/", java_script_enabled=False)
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "portal-dark"
    assert page.url.endswith("/sign-in/")


def test_the_switcher_leads_to_another_organization(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/", by=world.paula)
    page.get_by_role("button", name="Switch organization").click()
    page.get_by_role("searchbox", name="Find an organization").fill("fenw")
    expect(page.locator("#organizations").get_by_role("link", name="Alder Dental Group")).to_be_hidden()
    page.locator("#organizations").get_by_role("link", name="Fenwick Legal").click()
    page.get_by_role("button", name="Work in Fenwick Legal").click()
    expect(page.get_by_role("heading", name="Tenants")).to_be_visible()
    page.get_by_role("button", name="Leave Fenwick Legal").click()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()


def test_on_a_phone_the_navigation_opens_over_the_page(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/", by=world.alice, viewport=PHONE)
    agents = page.get_by_role("navigation", name="Main").get_by_role("link", name="Agents")
    expect(agents).to_be_hidden()
    page.get_by_role("button", name="Open navigation").click()
    agents.click()
    expect(page.get_by_role("heading", name="Agents")).to_be_visible()


def test_controls_are_large_enough_to_touch(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/", by=world.alice, viewport=NARROWEST)
    small = page.evaluate(
        """() => [...document.querySelectorAll(".btn, .quiet-btn, .rail-link, .chip, summary")]
          .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 40)
          .map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert not small


def test_signing_out_ends_the_session(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/", by=world.alice)
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"/o/{world.acme.pk}/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@on_every_screen
def test_the_fleet_is_narrowed_kept_as_a_view_and_chosen_from(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/", by=world.paula)
    page.get_by_role("link", name="Failed", exact=True).click()
    rows = page.locator("#clients tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Eastlake Credit Union")
    page.get_by_role("button", name="Add filter").click()
    page.locator("#narrow").get_by_label("Ring").select_option("Canary")
    page.locator("#narrow").get_by_role("button", name="Show").click()
    expect(rows.first).to_contain_text("No client fits.")
    page.get_by_role("link", name="Without ring Canary").click()
    expect(rows.first).to_contain_text("Eastlake Credit Union")
    page.get_by_role("button", name="Keep as a view").click()
    page.get_by_label("Name of the view").fill("Trouble")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("link", name="Trouble")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Choose several").click()
    page.get_by_label("Choose Eastlake production of Eastlake Credit Union").check()
    page.get_by_role("button", name="Stop…").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()


def test_the_switcher_finds_an_organization_while_its_name_is_typed(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/", by=world.paula)
    page.get_by_role("button", name="Switch organization").click()
    page.get_by_placeholder("Find an organization").fill("balt")
    expect(page.locator("#choices a")).to_have_count(1)
    page.locator("#choices").get_by_role("link", name="Baltic Freight").click()
    expect(page).to_have_url(re.compile("/o/org_"))
