"""The inbox as an MSP's people use it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import on_every_screen
from tests.browser.world import World


@on_every_screen
def test_an_msp_comes_to_the_alerts_of_all_clients_and_handles_several_at_once(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("/", by=world.paula)
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="VirusTotal: 54 engines detected this file")).to_contain_text("Critical")
    expect(page.get_by_role("row", name="Multiple web server 400 error codes")).to_contain_text("412")
    expect(page.get_by_text("Integrity checksum changed.")).to_have_count(0)

    page.get_by_role("link", name="Critical").click()
    expect(page.locator("#alerts tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Any", exact=True).click()
    page.get_by_label("Choose VirusTotal").check()
    page.get_by_label("Choose Multiple web server").check()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("2 alerts acknowledged.")
    expect(page.get_by_role("row", name="VirusTotal")).to_contain_text("Acknowledged")


@on_every_screen
def test_an_alert_has_its_history_and_what_lies_behind_it_and_is_suppressed(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit(f"/o/{world.msp.pk}/alerts/{world.alerts['31151'].pk}/", by=world.paula)
    expect(page.locator("#digests tbody tr")).to_have_count(5)
    page.get_by_label("Note", exact=True).fill("A crawler of their own")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("A crawler of their own")).to_be_visible()
    page.get_by_label("Where").select_option(label="All clients")
    page.get_by_label("Why").fill("A crawler of their own, until the move is over")
    page.get_by_role("button", name="Suppress", exact=True).click()
    expect(page.get_by_text("it is counted and not shown until")).to_be_visible()
    page.get_by_role("link", name="Suppressions").first.click()
    expect(page.get_by_role("row", name="All clients")).to_contain_text("until the move is over")
    page.get_by_role("row", name="All clients").get_by_role("button", name="End it").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("It is shown again.")


def test_the_inbox_works_without_any_script(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/alerts/", by=world.paula, java_script_enabled=False)
    page.get_by_label("Choose File added").check()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("1 alert closed.")).to_be_visible()
    expect(page.get_by_text("File added to the system.")).to_have_count(0)


@on_every_screen
def test_where_alerts_are_told_is_set_up_tried_and_sent_again(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/alerts/", by=world.paula)
    page.get_by_role("link", name="Routing").click()
    page.get_by_role("link", name="Slack").click()
    page.get_by_label("Name").fill("Operations channel")
    page.get_by_label("Webhook").fill("https://hooks.slack.example/services/T/B/hush")
    page.get_by_role("button", name="Add Slack").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Operations channel is there.")
    page.get_by_label("Tell", exact=True).select_option(label="Operations channel")
    page.get_by_label("From", exact=True).select_option(label="Critical")
    page.get_by_role("button", name="Add route").click()
    expect(page.get_by_role("region", name="Routes").get_by_role("row", name="Operations channel")).to_contain_text(
        "All"
    )
    page.get_by_role("button", name="Send a test to Operations channel").click()
    expect(page.get_by_role("region", name="Log").get_by_role("row", name="Operations channel")).to_be_visible()
    assert "hush" not in page.content()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("It is sent again.")
