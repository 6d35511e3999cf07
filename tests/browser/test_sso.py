"""Real Chromium connects an identity provider that is not ours, tries it, proves a domain, and demands it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from controlplane.environment import environment
from local.stack.layout import REPOSITORY
from local.stack.parts import NODE
from local.stack.ports import free
from organizations.domain_names import dns
from organizations.models import Membership, Organization, User
from tests.browser.conftest import DESKTOP, session_cookie
from tests.database import all_rows

SECRET = "a secret of the other provider"


@pytest.fixture
def processes() -> Iterator[Callable[..., None]]:
    """Starts stand-ins, and ends them."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **env: str) -> None:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={"PATH": "/usr/bin:/bin", **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline().startswith(b"ready")

    yield start
    for process in started:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def name_server(processes: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of a name server on which records are published, and which the portal asks."""
    (port,) = free(1)
    processes(sys.executable, "-m", "local.dns", "--port", str(port))
    told = replace(environment(), dns_resolvers=(("127.0.0.1", port),))
    monkeypatch.setattr(dns, "environment", lambda: told)
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def other_provider(processes: Callable[..., None], settings: Any) -> Callable[[str], str]:
    """Starts the other provider for a redirect address; returns its issuer."""
    (port,) = free(1)
    issuer = f"http://localhost:{port}"
    settings.LOOPBACK_ORIGINS = (issuer,)

    def start(redirect: str) -> str:
        program = str(Path(__file__).parent / "other_provider.mjs")
        processes(NODE, program, str(port), redirect, CLIENT_SECRET=SECRET)
        return issuer

    return start


@pytest.fixture
def browse(chromium: Browser, portal: str) -> Iterator[Callable[..., Page]]:
    """A browser of somebody's own; any script or policy error of the portal fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(by: User | None = None) -> Page:
        context = chromium.new_context(base_url=portal, viewport=DESKTOP, reduced_motion="reduce")
        contexts.append(context)
        if by is not None:
            context.add_cookies([session_cookie(by, portal)])
        page = context.new_page()
        # A refused sign-in is a page with status 403, which the browser writes down as an error of its own.
        page.on(
            "console",
            lambda said: (
                said.type == "error"
                and said.location["url"].startswith(portal)
                and "status of 403" not in said.text
                and faults.append(said.text)
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults


def sign_in_there(page: Page, login: str) -> None:
    """What the other provider asks for: a name, any password, and consent."""
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_an_owner_connects_a_provider_tries_it_and_demands_it(
    browse: Callable[..., Page],
    acme: Organization,
    alice: User,
    bob: User,
    other_provider: Callable[[str], str],
    name_server: str,
    pictures: Callable[[Page, str], None],
) -> None:
    with all_rows():
        User.objects.filter(pk=bob.pk).update(email="bob@acme.example")
    page = browse(alice)
    connect(page, acme, other_provider)
    map_groups(page)

    page.get_by_role("link", name="Test sign-in").last.click()
    page.get_by_role("button", name="Begin the test").click()
    sign_in_there(page, "ann")
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    expect(page.get_by_text("ann@acme.example").first).to_be_visible()
    expect(page.get_by_text("Is refused: not a member, and joining is off")).to_be_visible()
    pictures(page, "wizard-test")
    with all_rows():
        assert not User.objects.filter(email="ann@acme.example").exists()

    prove_domain(page, acme, name_server)
    page.get_by_role("link", name="Sign-in and SSO").click()
    page.get_by_role("link", name="Keycloak").click()
    page.get_by_role("link", name="Turn on").click()
    page.get_by_role("button", name="Let people join").click()
    expect(page.get_by_text("People of your domains join").first).to_be_visible()

    ann = browse()
    ann.goto("/sign-in/")
    ann.get_by_label("Work e-mail").fill("ann@acme.example")
    ann.get_by_role("button", name="Continue to your organization").click()
    ann.get_by_role("button", name="Continue to your identity provider").click()
    sign_in_there(ann, "ann")
    expect(ann.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()
    with all_rows():
        assert Membership.objects.get(user__email="ann@acme.example").role == "admin"

    demand(page, acme, alice)
    member = browse(bob)
    member.goto(f"/o/{acme.pk}/members/")
    expect(member.get_by_role("heading", name="Enter Acme")).to_be_visible()
    expect(member.get_by_role("button", name="Continue with Keycloak")).to_be_visible()
    expect(member.get_by_role("button", name="account")).to_have_count(
        1
    )  # the way to tie his own, none of the platform
    pictures(member, "enforced-enter")
    expect(ann.get_by_role("link", name="Members")).to_be_visible()
    ann.get_by_role("link", name="Members").click()
    expect(ann.get_by_role("row", name="Ann")).to_contain_text("Admin")


def connect(page: Page, acme: Organization, other_provider: Callable[[str], str]) -> None:
    """Choose a provider, follow the guide, add the connection."""
    page.goto(f"/o/{acme.pk}/sso/")
    page.get_by_role("link", name="Connect a provider").click()
    page.get_by_role("link", name="OpenID Connect for Keycloak").click()
    issuer = other_provider(page.locator(".guide code").first.inner_text())
    page.get_by_label("Issuer").fill(issuer)
    page.get_by_label("Client id").fill("garrison")
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_label("Further scopes").fill("groups")
    page.get_by_role("button", name="Add connection").click()
    expect(page.get_by_role("heading", name="Keycloak", exact=True)).to_be_visible()
    expect(page.get_by_text(issuer, exact=True).first).to_be_visible()


def map_groups(page: Page) -> None:
    """The table of groups, in an order of its own."""
    page.get_by_role("link", name="Attributes").last.click()
    for row, (place, group, role) in enumerate((("2", "all-staff", "viewer"), ("1", "soc-admins", "admin")), 1):
        page.get_by_label(f"Place of row {row}").fill(place)
        page.get_by_label(f"Group of row {row}").fill(group)
        page.get_by_label(f"Role of row {row}").select_option(role)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Group of row 1")).to_have_value("soc-admins")


def prove_domain(page: Page, acme: Organization, name_server: str) -> None:
    """Claim the domain, publish its record where its owner would, have it found, and lead people to the provider."""
    page.get_by_role("link", name="Domains", exact=True).click()
    page.get_by_label("Domain", exact=True).fill("acme.example")
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("There is no such TXT record yet.").first).to_be_visible()
    name, text = (page.locator(f"code[id^={kind}-dom]").inner_text() for kind in ("n", "t"))
    httpx.post(name_server, data={"name": name, "text": text}).read()
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("Proven", exact=True)).to_be_visible()
    page.get_by_label("The sign-in page leads people to").select_option(label="Keycloak")
    page.get_by_role("button", name="Save").click()


def demand(page: Page, acme: Organization, alice: User) -> None:
    """Come in by the connection oneself, choose the owner for emergencies, and demand the connection."""
    page.goto(f"/o/{acme.pk}/members/")
    page.get_by_role("button", name="Tie my sign-in").click()
    sign_in_there(page, "alice")
    expect(page.get_by_text("Tied to your account")).to_be_visible()
    page.get_by_role("link", name="Sign-in and SSO").click()
    page.get_by_role("combobox", name="Owner for emergencies").select_option(label=f"{alice} ({alice.email})")
    page.get_by_role("button", name="Choose").click()
    page.get_by_role("link", name="Domains", exact=True).click()
    page.get_by_label("Members with such an address must use it").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Garrison's own sign-in does not open Acme to them.")).to_be_visible()
