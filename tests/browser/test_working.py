"""An MSP's person in a browser: chooses a client, sees above each page where they work, and leaves."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import on_every_screen
from tests.browser.test_looks import AXE, TALK_OF_AXE
from tests.browser.world import World


@on_every_screen
def test_a_client_is_chosen_worked_in_and_left(world: World, visit: Callable[..., Page]) -> None:
    page, faults = visit(f"/o/{world.msp.pk}/", by=world.paula), []

    def is_open_to_everybody() -> None:
        page.evaluate(AXE.read_text())
        faults.extend(page.evaluate(TALK_OF_AXE, None))

    page.get_by_role("link", name="Alder Dental Group").click()
    expect(page.get_by_role("heading", name="Work in Alder Dental Group")).to_be_visible()
    is_open_to_everybody()
    page.get_by_role("button", name="Work in Alder Dental Group").click()
    line = page.get_by_role("complementary", name="Access")
    expect(line).to_contain_text("You work in Alder Dental Group for Northwatch, as admin")
    is_open_to_everybody()
    navigation = page.get_by_role("button", name="Open navigation")
    if navigation.is_visible():
        navigation.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Members").click()
    expect(line).to_contain_text("Both names go into the audit log")
    page.goto(f"/o/{world.msp.pk}/")
    expect(line).to_be_visible()
    page.get_by_role("button", name="Leave Alder Dental Group").click()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
    expect(line).to_have_count(0)
    page.goto(f"/o/{world.clients['Alder Dental Group'].pk}/members/")
    expect(page.get_by_role("heading", name="Work in Alder Dental Group")).to_be_visible()
    assert not faults, "\n".join(faults)
