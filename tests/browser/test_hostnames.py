"""
Real Chromium on the whole product: an owner proves a host name, gives out links at it, and gives it up.

The name is one of nobody's: the stand-in name server has its record, and Chromium is told where it leads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from local.stack.handle import StackHandle, wait_for
from organizations.hostnames.serving import REMEMBERED_SECONDS
from tests.browser.chromium import launch
from tests.browser.conftest import DESKTOP
from tests.browser.test_journey import sign_up_with_oidc

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

NAME, ANOTHER = "status.kestrel-journey.example", "status.kestrel-stranger.example"
BRAND = "Kestrel Watch"
READER = "reader@hangar.example"
SLOW = 20_000
"""Milliseconds that an answer may take while a tenant comes up beside it."""


@dataclass
class Given:
    """What the owner gives out: addresses as their pages show them."""

    report: str
    status: str


@pytest.fixture
def chromium_that_knows_the_name(playwright: Playwright) -> Iterator[Browser]:
    """As a machine whose hosts file leads the name to this one."""
    rules = ",".join(f"MAP {name} 127.0.0.1" for name in (NAME, ANOTHER))
    browser = launch(playwright, f"--host-resolver-rules={rules}")
    yield browser
    browser.close()


@pytest.fixture
def owner(chromium_that_knows_the_name: Browser, stack: StackHandle) -> Page:
    """Whoever founds the organization, at the portal."""
    portal = stack.description["portal"]
    return chromium_that_knows_the_name.new_context(base_url=portal, viewport=DESKTOP).new_page()


@pytest.fixture
def reader(chromium_that_knows_the_name: Browser) -> Iterator[Page]:
    """Whoever is given a link, in a browser of their own; an error of a script or of the policy fails the test."""
    faults: list[str] = []
    context = chromium_that_knows_the_name.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.on("weberror", lambda fault: faults.append(str(fault.error)))
    context.on("console", lambda said: "Content Security Policy" in said.text and faults.append(said.text))
    yield context.new_page()
    assert not faults, faults


@pytest.fixture
def newcomer(chromium_that_knows_the_name: Browser) -> Page:
    """Whoever opens a link for the first time: the browser of a reader keeps a status page for a moment."""
    return chromium_that_knows_the_name.new_context(viewport=DESKTOP).new_page()


def test_public_pages_are_given_out_read_and_subscribed_to_at_a_name_of_ones_own(
    stack: StackHandle, owner: Page, reader: Page, newcomer: Page
) -> None:
    portal = stack.description["portal"]
    home = f"http://{NAME}:{urlsplit(portal).port}"
    sign_up_with_oidc(owner, "Jonas Kestrel", "Kestrel Hangars")
    organization = urlsplit(owner.url).path.split("/")[2]
    set_brand(owner, organization)
    prove(owner, stack.description["dns"])
    given = Given(report=link_to_report(owner, organization), status=link_to_status(owner, organization))
    assert given.status.startswith(f"{home}/status/t/")
    assert given.report.startswith(f"{home}/reports/")

    reads(reader, given, home)
    subscribes(reader, given, home, stack.description["mail"])
    nothing_else_is_there(reader, home, organization)
    reader.goto(home)
    expect(reader).to_have_url(re.compile(f"^{portal}/sign-in/"), timeout=SLOW)
    assert status_at(reader, given.status.replace(NAME, ANOTHER)) == 400
    assert [certificate_for(portal, name) for name in (NAME, ANOTHER)] == [200, 404]

    give_up(owner, organization)
    not_there_any_more(newcomer, given)
    assert certificate_for(portal, NAME) == 404
    assert status_at(newcomer, given.status.replace(home, portal)) == 200


def set_brand(page: Page, organization: str) -> None:
    page.goto(f"/o/{organization}/brand/")
    page.get_by_label("Name").fill(BRAND)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your pages look like this")).to_be_visible(timeout=SLOW)


def prove(page: Page, name_server: str) -> None:
    """From the page of the brand: claim the name, publish its record on the name server's page, have it looked for."""
    page.get_by_role("link", name="Host names").click()
    page.get_by_label("Host name").fill(NAME)
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_text("Nothing is served here before the record is found.")).to_be_visible(timeout=SLOW)
    record = [page.locator(f"code[id^={kind}-hst]").inner_text() for kind in ("n", "t")]
    zone = page.context.new_page()
    zone.goto(name_server)
    for label, value in zip(("Name", "Text"), record, strict=True):
        zone.get_by_label(label).fill(value)
    zone.get_by_role("button", name="Publish").click()
    expect(zone.get_by_text(record[1])).to_be_visible(timeout=SLOW)
    zone.close()
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("Public pages are served here")).to_be_visible(timeout=SLOW)


def link_to_status(page: Page, organization: str) -> str:
    """Ask for a tenant, and make a link to its status while it comes up."""
    page.goto(f"/o/{organization}/")
    page.get_by_role("link", name="Create tenant").click()
    page.get_by_label("Name").fill("Hangar")
    page.get_by_role("button", name="Create tenant").click()
    page.wait_for_url(re.compile(r"/t/\w+/"))
    page.get_by_role("link", name="Status", exact=True).click()
    page.get_by_label("Title").fill("Hangar monitoring")
    page.get_by_role("button", name="Create public link").click()
    return page.locator("#address").inner_text()


def link_to_report(page: Page, organization: str) -> str:
    page.goto(f"/o/{organization}/reports/new/")
    page.get_by_label("Name", exact=True).fill("For the board")
    page.get_by_role("button", name="Plan it").click()
    page.get_by_role("button", name=re.compile("Issue the last")).click()
    page.get_by_role("button", name="Create public link").click()
    return page.locator("#address").inner_text()


def reads(page: Page, given: Given, home: str) -> None:
    """Both pages, with the brand and none of the product's, and a file of the report."""
    for address, heading in ((given.status, "Hangar monitoring"), (given.report, "For the board")):
        page.goto(address)
        expect(page.get_by_role("heading", name=heading).first).to_be_visible(timeout=SLOW)
        expect(page.locator("header")).to_contain_text(BRAND)
        expect(page).to_have_title(re.compile(f"· {BRAND}$"))
        assert "Garrison" not in page.content()
    with page.expect_download() as report:
        page.get_by_role("button", name="CSV").click()
    assert report.value.url.startswith(home)


def subscribes(page: Page, given: Given, home: str, mail: str) -> None:
    """By mail, whose link leads to the same name."""
    page.goto(given.status)
    page.get_by_role("link", name="By mail").click()
    page.get_by_label("E-mail address").fill(READER)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible(timeout=SLOW)
    text = wait_for(lambda: mails_to(mail, READER), "the mail that asks")[0]
    page.goto(re.search(rf"\]\(({home}/status/subscriptions/\S+/)\)", text)[1])
    page.get_by_role("button", name="Yes, tell me").click()
    expect(page.get_by_role("heading", name="You are told", exact=True)).to_be_visible(timeout=SLOW)
    assert page.url.startswith(home)


def nothing_else_is_there(page: Page, home: str, organization: str) -> None:
    for path in ("/sign-in/", f"/o/{organization}/", "/api/v1/organizations", "/status/"):
        assert status_at(page, f"{home}{path}") == 404
    assert [each.get("name") for each in page.context.cookies(home)] == ["csrf"]


def give_up(page: Page, organization: str) -> None:
    page.goto(f"/o/{organization}/brand/hostname/")
    page.get_by_role("button", name="Give up…").click()
    page.get_by_role("button", name=f"Give up {NAME}").click()
    expect(page.get_by_text("The host name is given up.")).to_be_visible(timeout=SLOW)


def not_there_any_more(page: Page, given: Given) -> None:
    """A process of the portal that has not heard of it may serve them for as long as it remembers."""
    for address in (given.report, given.status):
        wait_for(lambda link=address: status_at(page, link) == 400, "the end of what is served", REMEMBERED_SECONDS + 5)
        expect(page.get_by_text("This address is not served here")).to_be_visible(timeout=SLOW)


def status_at(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer
    return answer.status


def certificate_for(portal: str, name: str) -> int:
    """What the portal tells a front that asks whether it may have a certificate made."""
    return httpx.get(f"{portal}/.well-known/tls-ask", params={"domain": name}).status_code


def mails_to(mail: str, address: str) -> list[str]:
    """Their texts, the newest first."""
    found = httpx.get(f"{mail}/mails", params={"to": address}).raise_for_status().json()["mails"]
    return [each["text"] for each in found]
