"""`python -m tests.browser.screenshots`: takes the pictures of docs/images/ from the running product.

1. Starts a stack of its own with the demonstration (or uses the one of --root), waits until its clients are in their
   states.
2. Signs in as the demonstration's MSP through the local identity provider, as a person does.
3. Photographs each page, light and dark, on a desktop and on a phone.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.stack.layout import REPOSITORY
from tests.browser.chromium import launch

IMAGES = REPOSITORY / "docs" / "images"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
READY_SECONDS = 240

# Words that must stand in the client's line before the pictures are worth taking.
STATES = {
    "Alder Dental Group": "2 / 2",
    "Baltic Freight": "Provisioning",
    "Corvid Analytics": "The certificates end",
    "Dunmore Council": "silent",
    "Eastlake Credit Union": "Failed",
    "Fenwick Legal": "Stopped",
}


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, help="folder of a stack that runs already, with its demonstration")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as ending:
        root = options.root or ending.enter_context(demonstration())
        portal = json.loads((root / "stack.json").read_text())["portal"]
        playwright = ending.enter_context(sync_playwright())
        browser = launch(playwright)
        ending.callback(browser.close)
        photograph(browser, portal)


@contextlib.contextmanager
def demonstration() -> Iterator[Path]:
    """A stack with the demonstration, ended and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        root = Path(folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "local.stack", "--root", folder, "--any-ports"],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not (root / "stack.json").exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The stack did not start; run `make run` to see why.")
                time.sleep(0.5)
            yield root
        finally:
            process.terminate()
            process.wait(30)


def photograph(browser: Browser, portal: str) -> None:
    """Sign in once, then take each page in its versions."""
    context = browser.new_context(base_url=portal, viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    take(page, "/", "front", phone=False)
    page.goto("/sign-in/")
    page.get_by_role("button", name=re.compile("account")).click()
    page.get_by_role("button", name="Maria Okafor").click()
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    inbox = page.url
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Fleet").click()
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
    for client, words in STATES.items():
        expect(page.get_by_role("row", name=client)).to_contain_text(words, timeout=READY_SECONDS * 1000)
    fleet = page.url
    take(page, inbox, "alerts")
    take(page, fleet, "fleet")
    healthy = address_of(page, fleet, "Alder Dental Group")
    take(page, healthy, "tenant", wait_for="#event-rows tr")
    take(page, f"{healthy}events/", "events", phone=False)
    take(page, f"{healthy}agents/", "agents", phone=False)
    take(page, f"{healthy}certificates/", "certificates", phone=False)
    take_token(page, healthy)
    take(page, address_of(page, fleet, "Baltic Freight"), "provisioning", wait_for="#event-rows tr")
    take(page, address_of(page, fleet, "Eastlake Credit Union"), "failed", wait_for="#event-rows tr")
    take(page, "/status/", "status", phone=False)


def take_token(page: Page, tenant: str) -> None:
    """Make an enrollment token, and take the page that waits for its first agent."""
    page.goto(f"{tenant}tokens/new/")
    page.get_by_label("Name").fill("Warehouse laptops")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("link", name="I have saved it").click()
    take(page, page.url, "token")


def address_of(page: Page, fleet: str, client: str) -> str:
    """Address of a client's tenant, in which its MSP's person works from now on."""
    page.goto(fleet)
    page.get_by_role("link", name=client, exact=True).click()
    page.get_by_role("button", name=f"Work in {client}").click()
    page.wait_for_url("**/t/*/")
    return page.url


def take(page: Page, address: str, name: str, *, phone: bool = True, wait_for: str = "") -> None:
    """Photograph a page in whole. The screen is made as high as the page, so that the rail reaches its end."""
    for screen, size in {"": DESKTOP, "-phone": PHONE}.items():
        if screen and not phone:
            continue
        for theme in ("light", "dark"):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            page.goto(address)
            if wait_for:
                page.locator(wait_for).first.wait_for()
            page.wait_for_timeout(400)
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
            page.screenshot(path=IMAGES / f"{name}{screen}-{theme}.png")


if __name__ == "__main__":
    main()
