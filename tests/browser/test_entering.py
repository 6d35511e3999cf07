"""Real Chromium before an organization's demands: a second factor is set up on the way, a network is not to be had."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from organizations.models import Organization, User
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_looks import AXE, EVERY_RULE, OF_THEME, TALK_OF_AXE
from tests.database import all_rows
from tests.organizations.account_steps import PASSWORD, app_code


@pytest.fixture
def looked_at(pictures: Callable[[Page, str], None]) -> Callable[[Page, str], None]:
    """Holds a page against the rules of access, in both themes and on a phone, and keeps a picture of it."""

    def look(page: Page, name: str) -> None:
        page.evaluate(AXE.read_text())
        for theme, rules in (("light", EVERY_RULE), ("dark", OF_THEME)):
            page.emulate_media(color_scheme=theme)
            pictures(page, f"entering-{name}-{theme}")
            assert page.evaluate(TALK_OF_AXE, rules) == []
        page.set_viewport_size(PHONE)
        pictures(page, f"entering-{name}-phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light")

    return look


def demand(organization: Organization, **what: object) -> None:
    with all_rows():
        Organization.objects.filter(pk=organization.pk).update(**what)


def test_a_member_without_a_second_factor_signs_in_sets_up_an_app_and_gets_in(
    visit: Callable[..., Page], acme: Organization, bob: User, looked_at: Callable[[Page, str], None]
) -> None:
    demand(acme, require_second_factor=True)
    with all_rows():
        bob.set_password(PASSWORD)
        bob.save()
    page = visit(f"/o/{acme.pk}/members/")
    page.get_by_label(re.compile("^E-mail")).fill(bob.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Enter Acme")).to_be_visible()
    expect(page.get_by_text("It demands a second factor of everybody")).to_be_visible()
    looked_at(page, "factor")

    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_text("The app can't scan?").click()
    page.get_by_label("Code from your app").fill(app_code(page.locator("#secret").inner_text()))
    page.get_by_role("button", name="Use this app").click()
    page.get_by_role("button", name="Make ten codes").click()
    page.get_by_role("link", name="I have saved them").click()
    expect(page).to_have_url(re.compile(f"/o/{acme.pk}/members/$"))
    expect(page.get_by_role("heading", name="Members")).to_be_visible()


def test_from_another_network_the_page_names_the_visitors_address(
    visit: Callable[..., Page],
    acme: Organization,
    bob: User,
    looked_at: Callable[[Page, str], None],
    faults_expected: None,
) -> None:
    demand(acme, allowed_networks=["192.0.2.0/24"])
    page = visit(f"/o/{acme.pk}/members/", by=bob)
    expect(page.get_by_text("127.0.0.1", exact=True)).to_be_visible()
    assert "192.0.2" not in page.content()
    looked_at(page, "address")
    demand(acme, allowed_networks=["127.0.0.0/8"])
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="Members")).to_be_visible()


def test_an_owner_demands_what_they_meet_themselves_and_is_told_where_they_would_shut_themselves_out(
    visit: Callable[..., Page],
    acme: Organization,
    alice: User,
    looked_at: Callable[[Page, str], None],
    faults_expected: None,
) -> None:
    page = visit(f"/o/{acme.pk}/security/", by=alice)
    page.get_by_label("Everybody shows a second factor").check()
    page.get_by_label("Only from these networks").fill("192.0.2.0/24\n10.0.0.1/8")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Line 2:").first).to_be_visible()
    looked_at(page, "errors")
    page.get_by_label("Only from these networks").fill("192.0.2.0/24")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("You come from 127.0.0.1").first).to_be_visible()
    page.get_by_label("Everybody shows a second factor").uncheck()
    page.get_by_label("Only from these networks").fill("127.0.0.0/8")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("button", name="Sign everybody out…").click()
    page.get_by_role("button", name="Sign everybody out now").click()
    expect(page.get_by_role("heading", name="Enter Acme")).to_be_visible()
    looked_at(page, "anew")
