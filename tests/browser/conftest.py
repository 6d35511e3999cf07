"""Chromium before a portal on a free port, with rows made by the product's own actions over an edge in memory."""

import os
import re
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import respx
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from organizations.models import Organization, User
from organizations.msp import working
from organizations.sso import sessions
from tenants.provisioning.models import Tenant
from tests.browser.chromium import launch
from tests.browser.edge import LivelyEdge
from tests.browser.kept import kept
from tests.browser.world import World, build
from tests.cast import alive, chosen
from tests.database import all_rows
from tests.tenants.conftest import EDGE

# Playwright's synchronous interface runs an event loop in the test's thread, which Django would refuse to share.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

DESKTOP = {"width": 1440, "height": 900}
LAPTOP = {"width": 1280, "height": 800}
TABLET = {"width": 820, "height": 1180}
PHONE = {"width": 390, "height": 844}
NARROWEST = {"width": 360, "height": 740}
SCREENS = {"desktop, light": (DESKTOP, "light"), "phone, dark": (PHONE, "dark")}

on_every_screen = pytest.mark.parametrize("screen", SCREENS, indirect=True)
"""For journeys: walked on a desktop in light, and once more on a phone in dark."""


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of a process."""
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def portal(live_server: Any, settings: Any) -> str:
    """Base address of the portal that this test talks to."""
    settings.BASE_URL = live_server.url
    settings.ALLOWED_HOSTS = [urlsplit(live_server.url).hostname]
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    return str(live_server.url)


@pytest.fixture
def edge() -> Iterator[LivelyEdge]:
    fake = LivelyEdge()
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=EDGE).mock(side_effect=fake.handle)
        yield fake


@pytest.fixture
def world(edge: LivelyEdge, portal: str, request: pytest.FixtureRequest) -> World:
    """An MSP with clients in every state: made once a process, then put back for each test."""
    if not kept.is_filled:
        names = ("paula", "alice", "vera", "msp", "acme")
        kept.keep(build(edge, **{name: request.getfixturevalue(name) for name in names}))
    return kept.put_back(edge)


@pytest.fixture
def screen(request: pytest.FixtureRequest) -> tuple[dict[str, int], str]:
    """Where a test's windows open, if it does not say: size and theme."""
    return SCREENS[getattr(request, "param", "desktop, light")]


@pytest.fixture
def visit(
    portal: str, chromium: Browser, screen: tuple[dict[str, int], str], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens a page as somebody (or nobody), on a screen, in a theme; fails the test on any script or policy error."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        path: str, *, by: User | None = None, viewport: dict[str, int] | None = None, theme: str = "", **more: Any
    ) -> Page:
        size, scheme = viewport or screen[0], theme or screen[1]
        context = chromium.new_context(
            base_url=portal, viewport=size, color_scheme=scheme, reduced_motion="reduce", **more
        )
        contexts.append(context)
        if by is not None:
            context.add_cookies([session_cookie(by, portal, client_worked_in(path, by))])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on("console", lambda said: said.type == "error" and faults.append(f"{path}: {said.text}"))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert "faults_expected" in request.fixturenames or not faults, "\n".join(faults)


def client_worked_in(path: str, person: User) -> Organization | None:
    """The client that a path lies in, if somebody opens it for an MSP: they have chosen to work there."""
    inside = re.match(r"/(?P<kind>[ot])/(?P<id>\w+)/", path)
    if inside is None or path.endswith("/work/"):
        return None
    with all_rows():
        organization = inside["id"] if inside["kind"] == "o" else Tenant.objects.get(pk=inside["id"]).organization_id
        reached = Organization.objects.filter(grants_given__state="active", grants_given__msp__memberships__user=person)
        return reached.exclude(memberships__user=person).filter(pk=organization).first()


def session_cookie(person: User, portal: str, client: Organization | None = None) -> dict[str, Any]:
    """A session as the platform's sign-in leaves it; of somebody who belongs to an MSP, working in its client."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = person.pk
    store[BACKEND_SESSION_KEY] = django_settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = person.get_session_auth_hash()
    store[sessions.SESSION_ID_KEY] = alive(person)
    store[sessions.PROOFS_KEY] = {"platform": int(time.time())}
    if client is not None:
        store[working.KEY] = chosen(person, client)
    store.save()
    return {"name": django_settings.SESSION_COOKIE_NAME, "value": store.session_key, "url": portal}


@pytest.fixture
def faults_expected() -> None:
    """For tests in which the browser has to complain: answers of 4xx, a lost connection."""


@pytest.fixture
def pictures() -> Callable[[Page, str], None]:
    """Keeps a picture of a page for looking at, where PICTURES=1 asks for it; never committed."""
    folder = Path(django_settings.BASE_DIR) / ".local" / "pictures"

    def keep(page: Page, name: str) -> None:
        if os.environ.get("PICTURES"):
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}.png", full_page=True)

    return keep


@pytest.fixture(autouse=True)
def _empty_cache(db: None) -> Iterator[None]:
    yield
    cache.clear()
