"""Which Chromium the browser tests and the screenshots use."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome")


def of_the_system() -> str | None:
    """The browser that `CHROMIUM` names, or the machine's own."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, SYSTEM)), None)


def found() -> bool:
    """Whether there is a browser to test with: the system's, or the one that Playwright has installed."""
    if of_the_system():
        return True
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """The system's browser where there is one; else the one that Playwright has installed."""
    return playwright.chromium.launch(executable_path=of_the_system(), args=["--no-sandbox", *arguments])
