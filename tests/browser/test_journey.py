"""Real Chromium walks the main job on the whole product: sign-up, tenant running, token, agent, event, dashboard."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from local.agent.lines import syslog_line
from local.stack.handle import StackHandle
from local.stack.layout import REPOSITORY
from tests.browser.conftest import DESKTOP

pytestmark = pytest.mark.stack

UP = 90_000
"""Milliseconds that a whole tenant may take to come up here."""


@pytest.fixture
def page(stack: StackHandle, chromium: Browser) -> Iterator[Page]:
    """A browser that has never been here; any script or policy error of the portal fails the test."""
    portal = stack.description["portal"]
    context = chromium.new_context(base_url=portal, viewport=DESKTOP, reduced_motion="reduce")
    faults: list[str] = []
    context.on("weberror", lambda fault: faults.append(str(fault.error)))
    context.on(
        "console", lambda said: said.type == "error" and portal in str(said.location) and faults.append(said.text)
    )
    yield context.new_page()
    context.close()
    assert not faults, faults


def sign_up_with_oidc(page: Page, person: str, organization: str) -> None:
    """Found an organization with the platform's own provider."""
    page.goto("/")
    page.get_by_role("link", name="Create your organization").click()
    page.get_by_label("Organization name").fill(organization)
    page.get_by_role("button", name="Continue to sign in").click()
    page.get_by_role("button", name=person).click()
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()


def create_tenant(page: Page, name: str) -> None:
    """Ask for a tenant and watch its steps until it runs."""
    page.get_by_role("link", name="Create tenant").click()
    expect(page.get_by_text("a month for each running tenant").first).to_be_visible()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create tenant").click()
    steps = page.get_by_role("region", name="Create tenant")
    expect(steps.get_by_text("Certificates")).to_be_visible()
    expect(page.get_by_text("Simulated nodes").first).to_be_visible()
    expect(page.get_by_role("button", name="Open dashboard")).to_be_visible(timeout=UP)
    expect(steps.get_by_text("Succeeded")).to_be_visible()


def test_from_sign_up_to_the_alert_in_the_dashboard(stack: StackHandle, page: Page, tmp_path: Path) -> None:
    sign_up_with_oidc(page, "Jonas Kestrel", "Kestrel Aerospace")
    create_tenant(page, "Hangar")

    page.get_by_role("region", name="Your first alert").get_by_role("link", name="Create token").click()
    page.get_by_label("Name").fill("Test bench")
    page.get_by_role("button", name="Create token").click()
    token_file = tmp_path / "enrollment.token"
    token_file.touch(mode=0o600)
    token_file.write_text(page.locator("#token-secret").inner_text())
    expect(page.get_by_text("Waiting for the first agent…")).to_be_visible()

    command = page.locator(".pane-1 code").nth(1).inner_text().replace(".local", str(tmp_path))
    log = tmp_path / "auth.log"
    arguments = [sys.executable, *shlex.split(command)[1:], "--log-file", str(log)]
    with subprocess.Popen(arguments, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as agent:
        try:
            expect(page.get_by_text("trial-1", exact=True)).to_be_visible(timeout=30_000)
            expect(page.get_by_text("Waiting for the first agent…")).to_have_count(0)

            page.get_by_role("link", name="Agents").click()
            row = page.get_by_role("row", name="trial-1")
            expect(row.get_by_text("Connected")).to_be_visible(timeout=45_000)

            log.write_text(f"{syslog_line('Invalid user wombat from 203.0.113.9 port 4022')}\n")
            page.get_by_role("link", name="Events", exact=True).click()
            alert = page.locator("#event-rows tr", has_text="non-existent user")
            expect(alert.first).to_contain_text("trial-1", timeout=30_000)

            page.get_by_role("link", name="Overview").click()
            expect(page.get_by_role("region", name="You are set up")).to_contain_text("4 of 4 done", timeout=20_000)
            with page.context.expect_page() as opened:
                page.get_by_role("button", name="Open dashboard").click()
            dashboard = opened.value
            expect(dashboard.get_by_text("Stand-in dashboard").first).to_be_visible(timeout=20_000)
            expect(dashboard.get_by_text("wombat").first).to_be_visible(timeout=20_000)
            assert ".localhost" in dashboard.url
            assert "code_" not in dashboard.url
        finally:
            agent.terminate()


def test_an_organization_signs_up_with_its_own_saml_provider(stack: StackHandle, page: Page, tmp_path: Path) -> None:
    page.goto("/sign-in/")
    page.get_by_role("link", name="With your own identity provider").click()
    page.get_by_label("Organization name").fill("Alder Dental")
    page.get_by_label("Its address").fill(f"{stack.description['saml_idp']}/metadata")
    page.get_by_role("button", name="Create organization").click()

    expect(page.get_by_role("heading", name="One step left for Alder Dental")).to_be_visible()
    assert "/acs/" in page.locator("#acs").inner_text()
    assert page.locator("#entity").inner_text().startswith(stack.description["portal"])
    with page.expect_download() as metadata:
        page.get_by_role("link", name="Service provider metadata").click()
    assert b"AssertionConsumerService" in Path(metadata.value.path()).read_bytes()

    page.get_by_role("link", name="To the sign-in page").click()
    page.get_by_role("button", name="Continue to your identity provider").click()
    page.get_by_role("button", name="Alice Alder").click()
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible(timeout=15_000)

    page.get_by_role("link", name="Sign-in and SSO").click()
    expect(page.get_by_text("Working")).to_be_visible()
    page.get_by_role("link", name="SAML", exact=True).click()
    expect(page.get_by_text("ACS address")).to_be_visible()
    expect(page.get_by_text("Certificates it signs with")).to_be_visible()
