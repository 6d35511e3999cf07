"""Real Chromium between two tenants' dashboards, one of which is hostile: nothing of the other is ever reached.

Both are opened by one person in one browser, who is the worst victim there is: every cookie is at hand. The dashboards
are of one site (`dash.localhost`), as they are in production.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.portal_api import PortalApi
from local.stack.handle import StackHandle, wait_for
from local.visitor import LocalNames, client
from tests.browser.conftest import DESKTOP
from tests.browser.test_journey import sign_up_with_oidc

pytestmark = pytest.mark.stack

ATTACKS = Path(__file__).with_name("attacks.js").read_text()
CANARY = f"canary-{uuid.uuid4().hex[:12]}"
"""The name of the victim's agent: on its dashboard, in the portal, in its events, and nowhere on the other's origin."""


@dataclass
class Opened:
    """One browser in which both dashboards are open."""

    stack: StackHandle
    api: PortalApi
    context: BrowserContext
    hostile: Page
    victim: Page
    hostile_tenant: str
    victim_tenant: str

    @property
    def site(self) -> str:
        """The site of both, without the port."""
        return str(self.stack.layout.dashboard_zone).partition(":")[0]

    def origin(self, page: Page) -> str:
        parts = urlsplit(page.url)
        return f"{parts.scheme}://{parts.netloc}"

    def session_of(self, page: Page) -> str:
        """The secret of a dashboard's session, as the browser keeps it: one, and for its own host."""
        [session] = [one for one in self.context.cookies(page.url) if one["name"] == "__Host-session"]
        assert session["domain"] == urlsplit(page.url).hostname
        return str(session["value"])

    def at(self, page: Page, name: str, *arguments: Any) -> Any:
        """What a script on a page's origin gets; the page has it from this test, past any policy."""
        page.evaluate(ATTACKS)
        return page.evaluate("([name, given]) => window.attacks[name](...given)", [name, list(arguments)])

    def attack(self, name: str, *arguments: Any) -> Any:
        """The same on the hostile origin; nothing that it gets may hold the canary."""
        got = self.at(self.hostile, name, *arguments)
        assert CANARY not in json.dumps(got)
        return got


@pytest.fixture(scope="module")
def opened(stack: StackHandle, chromium: Browser) -> Iterator[Opened]:
    portal = stack.description["portal"]
    context = chromium.new_context(base_url=portal, viewport=DESKTOP, reduced_motion="reduce")
    page = context.new_page()
    sign_up_with_oidc(page, "Jonas Kestrel", "Two Dashboards")
    organization = urlsplit(page.url).path.split("/")[2]
    key = stack.manage("create_api_key", "--organization", organization, "--owner", "jonas@kestrel.example")
    api = PortalApi(portal, key)
    made = [
        api.post("/tenants", {"organization": organization, "name": name, "version": version})
        for name, version in (("Hostile", "4.14.7-hostile"), ("Victim", "4.14.7"))
    ]
    hostile, victim = (answer["tenant"]["id"] for answer in made)
    for answer in made:
        api.succeeded(answer["operation"]["id"])
    _enroll(stack, api, victim)
    yield Opened(stack, api, context, _open(page, portal, hostile), _open(page, portal, victim), hostile, victim)
    context.close()


def _enroll(stack: StackHandle, api: PortalApi, tenant: str) -> None:
    """Let an agent with the canary's name in, and wait until the tenant's manager has it."""
    body = {
        "token": api.enrollment_token(tenant, "t", expires_in_days=1),
        "enrollment_id": str(uuid.uuid4()),
        "name": CANARY,
    }
    with client(base_url=stack.layout.edge) as installer:
        installer.post("/api/agents/enroll", json=body).raise_for_status()


def _open(page: Page, portal: str, tenant: str) -> Page:
    page.goto(f"{portal}/t/{tenant}/")
    with page.context.expect_page() as popup:
        page.get_by_role("button", name="Open dashboard").click()
    dashboard = popup.value
    expect(dashboard.get_by_text("Stand-in dashboard").first).to_be_visible(timeout=20_000)
    return dashboard


@pytest.fixture
def both(opened: Opened) -> Opened:
    """Each page where an attack begins: the hostile one on its script's page, the victim on the one with the canary."""
    opened.hostile.goto(f"{opened.origin(opened.hostile)}/dashboard/hostile")
    look(opened)
    return opened


def look(opened: Opened) -> None:
    """The victim's dashboard is open as before, and shows the canary to whom it belongs."""
    url = f"{opened.origin(opened.victim)}/dashboard/agents"

    def shown() -> bool:
        answer = opened.victim.goto(url)
        assert answer is not None
        assert answer.status == 200, answer.text()
        return CANARY in opened.victim.content()

    wait_for(shown, "the canary on the victim's dashboard", 30)


def places(opened: Opened) -> dict[str, str]:
    """Where the canary is for whoever may see it."""
    portal, edge = opened.stack.layout.portal, opened.stack.layout.edge
    return {
        "dashboard": f"{opened.origin(opened.victim)}/dashboard/agents",
        "page": f"{portal}/t/{opened.victim_tenant}/agents/",
        "api": f"{portal}/api/v1/tenants/{opened.victim_tenant}/agents",
        "events": f"{edge}/api/events?after=0",
        "control": f"{edge}/v1/tenants/{opened.victim_tenant}/agents",
    }


def order(method: str, group: str) -> dict[str, Any]:
    """What Wazuh's app asks the manager's API by its dashboard."""
    return {"id": "tenant", "method": method, "path": "/groups", "body": {"group_id": group} if group else {}}


def test_the_canary_is_where_its_owner_looks_and_the_hostile_page_can_run_what_it_likes(both: Opened) -> None:
    assert both.attack("read", "/dashboard/seen", {})[:2] == ["basic", 200]
    portal = both.context.new_page()
    portal.goto(places(both)["page"])
    expect(portal.get_by_text(CANARY).first).to_be_visible()
    portal.close()


@pytest.mark.parametrize("place", ["dashboard", "page", "api", "events", "control"])
def test_it_reads_nothing_of_the_other_tenant_from_anywhere(both: Opened, place: str) -> None:
    for mode in ("cors", "no-cors"):
        kind, status, _ = both.attack("read", places(both)[place], {"mode": mode, "credentials": "include"})
        assert (kind, status) in {("refused", 0), ("opaque", 0)}


@pytest.mark.parametrize("place", ["dashboard", "page"])
def test_it_frames_nothing_and_holds_no_window_of_another_origin(both: Opened, place: str) -> None:
    assert both.attack("frame", places(both)[place]) == "of another origin"
    for frame in both.hostile.frames[1:]:
        assert CANARY not in frame.content()
    with both.context.expect_page() as popup:
        both.attack("openWindow", places(both)[place])
    popup.value.wait_for_load_state()
    assert CANARY in popup.value.content()
    assert both.attack("readWindow") in {"closed", "SecurityError"}
    popup.value.close()


def test_it_opens_no_socket_to_another_origin(both: Opened) -> None:
    for address in (f"{both.origin(both.victim)}/dashboard/ws", f"{both.stack.layout.edge}/api/events"):
        assert both.attack("socket", address.replace("http", "ws", 1)) == 1006


def test_it_writes_nothing_there_either(both: Opened) -> None:
    origin, path = both.origin(both.victim), "/dashboard/api/request"
    sent = {"method": "POST", "credentials": "include", "headers": {"content-type": "text/plain"}}
    for mode in ("cors", "no-cors"):
        both.attack("read", origin + path, {**sent, "mode": mode, "body": json.dumps(order("POST", "planted"))})
    # The same by the victim's own hand does what it says.
    headers = {"origin": origin, "cookie": f"__Host-session={both.session_of(both.victim)}"}
    with httpx.Client(transport=LocalNames(), base_url=origin, headers=headers) as own:
        assert own.post(path, json=order("POST", "own")).status_code == 200
        groups = own.post(path, json=order("GET", "")).text
    assert "own" in groups
    assert "planted" not in groups


def test_its_cookies_never_reach_the_other_tenant_and_the_others_never_reach_it(both: Opened) -> None:
    """Cookie tossing: for the whole site by script and by its server, under the session's own name, by the dozen."""
    sessions = both.session_of(both.hostile), both.session_of(both.victim)
    names = ["__Host-session", "__host-session", "__HOST-session", "__Secure-session", "session", "wz-token"]
    assert "fill29" in both.attack("plantCookies", names, both.site)
    for name in names:
        both.hostile.goto(f"{both.origin(both.hostile)}/dashboard/hostile?cookie={name}")
    tossed = {cookie["name"]: cookie for cookie in both.context.cookies(both.victim.url)}
    assert tossed["fill29"]["domain"] == f".{both.site}", "a page can set cookies for the whole site: the attack is one"
    assert (both.session_of(both.hostile), both.session_of(both.victim)) == sessions
    look(both)
    seen = both.attack("read", "/dashboard/seen", {})[2]
    assert not [word for word in ("fill29", "by-a-script", *sessions) if word in seen]
    both.context.clear_cookies(domain=f".{both.site}")


def test_its_storage_and_its_channels_are_its_own(both: Opened) -> None:
    both.attack("keep", "planted")
    both.at(both.victim, "keep", CANARY)
    assert both.attack("kept").count("planted") == 4
    assert both.at(both.victim, "kept").count(CANARY) == 4
    assert "planted" not in both.at(both.victim, "kept")
    both.attack("listen")
    both.at(both.victim, "say", CANARY)
    # A message of its own comes after whatever the other's would have been.
    both.attack("say", "own")
    both.hostile.wait_for_function("() => window.heard.length > 0")
    assert both.attack("heard") == ["own"]


def test_it_installs_no_service_worker_on_any_origin(both: Opened) -> None:
    victim = both.origin(both.victim)
    attempts = [("/dashboard/sw.js", "/"), ("/dashboard/sw.js", "/dashboard/"), (f"{victim}/dashboard/sw.js", "/")]
    for url, scope in attempts:
        assert both.attack("registerWorker", url, scope) in {"SecurityError", "TypeError"}
    assert both.attack("registerBlob") in {"SecurityError", "TypeError"}
    assert both.attack("workers") == both.at(both.victim, "workers") == 0


def test_a_relaxed_origin_brings_it_no_nearer(both: Opened) -> None:
    both.attack("relax", both.site)
    both.at(both.victim, "relax", both.site)
    assert both.attack("frame", f"{both.origin(both.victim)}/dashboard/") == "of another origin"
    assert both.attack("read", places(both)["dashboard"], {"credentials": "include"})[0] == "refused"
