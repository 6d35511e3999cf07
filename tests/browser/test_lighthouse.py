"""Ten main pages, judged by Lighthouse: open to everybody, and built as browsers want it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.browser.chromium import of_the_system
from tests.browser.conftest import client_worked_in, session_cookie
from tests.browser.pages import PAGES, Shown
from tests.browser.world import World

ROOT = Path(settings.BASE_DIR)
NODE = ROOT / "worker" / "node_modules" / ".bin" / "node"
LIGHTHOUSE = ROOT / "assets" / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("accessibility", "best-practices")
LEAST = 95
MAIN = (
    *("front", "sign-in", "clients", "tenants", "tenant-running"),
    *("usage", "events", "agents", "token-new", "audit"),
)


@pytest.mark.parametrize("shown", [shown for shown in PAGES if shown.name in MAIN], ids=lambda shown: shown.name)
def test_a_main_page_is_found_good_by_lighthouse(
    shown: Shown, world: World, portal: str, chromium: Browser, tmp_path: Path
) -> None:
    browser = of_the_system() or chromium.browser_type.executable_path
    report = judged(browser, portal, shown.path(world), headers_of(shown, world, portal, tmp_path))
    scores = {name: round(100 * report["categories"][name]["score"]) for name in CATEGORIES}
    assert all(score >= LEAST for score in scores.values()), f"{scores}: {faults(report)}"


def test_ten_pages_are_judged() -> None:
    assert len([shown for shown in PAGES if shown.name in MAIN]) == len(MAIN) == 10


def headers_of(shown: Shown, world: World, portal: str, folder: Path) -> Path:
    """A file with what a browser in which the page's looker is signed in sends."""
    path, person = shown.path(world), shown.by(world)
    cookie = person and session_cookie(person, portal, client_worked_in(path, person))
    file = folder / "headers.json"
    file.write_text(json.dumps({"Cookie": f"{cookie['name']}={cookie['value']}"} if cookie else {}))
    return file


def judged(browser: str, portal: str, path: str, headers: Path) -> dict:
    command = [
        *(str(NODE), str(LIGHTHOUSE), f"{portal}{path}", "--quiet", "--output=json", "--preset=desktop"),
        *(f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={headers}", "--no-enable-error-reporting"),
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ]
    environment = {**os.environ, "CHROME_PATH": browser}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def faults(report: dict) -> list[str]:
    wanted = {ref["id"] for name in CATEGORIES for ref in report["categories"][name]["auditRefs"] if ref["weight"]}
    return [f"{name}: {report['audits'][name]['title']}" for name in wanted if report["audits"][name]["score"] == 0]
