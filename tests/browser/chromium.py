"""Which Chromium the browser tests and the screenshots use."""

import shutil

from playwright.sync_api import Browser, Playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome")


def launch(playwright: Playwright) -> Browser:
    """The system's browser where there is one; else the one that Playwright has installed."""
    found = next(filter(None, map(shutil.which, SYSTEM)), None)
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
