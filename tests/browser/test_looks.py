"""Every main page, on a desktop and on a phone, light and dark: nobody is kept out, nothing overflows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page

from organizations.models import Organization
from tests.browser.conftest import DESKTOP, LAPTOP, NARROWEST, PHONE, TABLET, client_worked_in
from tests.browser.pages import PAGES, Shown
from tests.browser.world import World

AXE = Path(settings.BASE_DIR) / "assets" / "node_modules" / "axe-core" / "axe.min.js"
EVERY_RULE = None
# What a page says and how it is built is the same everywhere; its colours differ by theme, its reach by screen.
OF_THEME = ["color-contrast"]
OF_SCREEN = ["target-size", "scrollable-region-focusable", "aria-hidden-focus"]
LOOKS = (
    ("desktop", DESKTOP, "light", EVERY_RULE),
    ("desktop", DESKTOP, "dark", OF_THEME),
    ("tablet", TABLET, "light", OF_SCREEN),
    ("phone", PHONE, "dark", OF_THEME + OF_SCREEN),
)
OWN_LIMIT = 100 * 1024

TALK_OF_AXE = """async (rules) => {
  const options = { resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) };
  const found = await axe.run(document, options);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`.slice(0, 600));
}"""
WIDTH_BEYOND_SCREEN = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# A panel cuts off what stands out of it; nobody reaches that unless something within scrolls.
CUT_OFF = """() => [...document.querySelectorAll(".panel :is(td, th, a, button, input)")].filter((each) => {
  const panel = each.closest(".panel"), place = each.getBoundingClientRect();
  for (let above = each.parentElement; above !== panel; above = above.parentElement)
    if (above.popover || ["auto", "scroll"].includes(getComputedStyle(above).overflowX)) return false;
  return place.width > 1 && place.right > panel.getBoundingClientRect().right + 1;
}).map((each) => each.outerHTML.slice(0, 200))"""
PARTS = 12
SHARES = [pytest.param(PAGES[n::PARTS], id=f"part {n + 1}") for n in range(PARTS)]


@pytest.mark.parametrize("pages", SHARES)
def test_every_page_is_open_to_everybody_on_every_screen_in_both_themes(
    pages: tuple[Shown, ...], world: World, visit: Callable[..., Page], pictures: Callable[[Page, str], None]
) -> None:
    axe, faults = AXE.read_text(), []
    # A window costs more than a page in it: everybody has one, and one more for each client that they work in.
    windows: dict[tuple[str, Organization | None], Page] = {}
    for shown in pages:
        path, person = shown.path(world), shown.by(world)
        place = (shown.looker, person and client_worked_in(path, person))
        page = windows.setdefault(place, windows.get(place) or visit(path, by=person))
        page.set_viewport_size(DESKTOP)
        page.goto(path)
        assert shown.name == "work" or page.get_by_text("You don't belong to").count() == 0, shown.name
        page.evaluate(axe)
        for screen, size, theme, rules in LOOKS:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            pictures(page, f"{shown.name}-{screen}-{theme}")
            faults += [f"{shown.name}, {screen}, {theme}: {fault}" for fault in page.evaluate(TALK_OF_AXE, rules)]
        for size in (NARROWEST, PHONE, TABLET, LAPTOP):
            page.set_viewport_size(size)
            faults += [f"{shown.name}: cut off at {size['width']} pixels: {each}" for each in page.evaluate(CUT_OFF)]
            if page.evaluate(WIDTH_BEYOND_SCREEN) > 0:
                faults.append(f"{shown.name}: wider than a screen of {size['width']} pixels")
    assert not faults, "\n".join(faults)


def test_script_and_style_of_a_page_stay_below_a_hundred_kilobytes(world: World, visit: Callable[..., Page]) -> None:
    sizes: dict[str, int] = {}

    def weigh(response: object) -> None:
        if response.url.split("?")[0].endswith((".css", ".js")) and "django_htmx" not in response.url:
            sizes[response.url] = len(response.body())

    page = visit("/")
    page.on("response", weigh)
    page.goto(f"/sign-in/?again={world.acme.pk}")
    page.reload(wait_until="networkidle")
    assert sizes
    assert sum(sizes.values()) < OWN_LIMIT, sizes


def test_pages_can_be_read_without_any_script(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/t/{world.tenants['Production'].pk}/", by=world.alice, java_script_enabled=False)
    assert page.get_by_role("heading", name="Topology").is_visible()
    assert page.get_by_text("Receives the agents and judges their logs by rules.").is_visible()
    assert page.get_by_role("button", name="Copy tenant id").count() == 0
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Name of a tenant or an agent").fill("Prod")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_role("link", name="Production").is_visible()
