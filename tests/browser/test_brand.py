"""An MSP's owner gives its pages a name, colours and a logo, and its client's people see them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from organizations.models import Organization, User
from tests.browser.conftest import on_every_screen
from tests.browser.test_looks import AXE, OF_SCREEN, OF_THEME, TALK_OF_AXE
from tests.organizations.test_logos import SVG, picture

LIGHT, DARK = "rgb(107, 33, 168)", "rgb(216, 180, 254)"
SAVE = "Save"


def is_open_to_everybody(page: Page) -> None:
    page.evaluate(AXE.read_text())
    assert page.evaluate(TALK_OF_AXE, OF_THEME + OF_SCREEN) == []


@on_every_screen
def test_a_brand_is_set_refused_where_it_can_not_be_read_and_seen_by_a_client(
    visit: Callable[..., Page],
    msp: Organization,
    acme: Organization,
    paula: User,
    bob: User,
    pictures: Callable[[Page, str], None],
    faults_expected: None,
) -> None:
    page = visit(f"/o/{msp.pk}/brand/", by=paula)
    page.get_by_label("Name").fill("Northwatch Security")
    page.get_by_label("Accent on light pages").fill("#d8b4fe")
    page.get_by_label("Accent on dark pages").fill("#d8b4fe")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator("#form-errors")).to_contain_text("Choose a darker one")
    is_open_to_everybody(page)

    page.get_by_label("Accent on light pages").fill("#6b21a8")
    page.get_by_role("button", name=SAVE).click()
    expect(page.get_by_text("Your pages look like this")).to_be_visible()
    for theme, accent in (("light", LIGHT), ("dark", DARK)):
        page.emulate_media(color_scheme=theme)
        expect(page.get_by_role("button", name=SAVE)).to_have_css("background-color", accent)
        is_open_to_everybody(page)

    files = page.locator("input[type=file]")
    files.first.set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": SVG.encode()})
    page.get_by_role("button", name="Upload the logo on light pages").click()
    expect(page.locator("#form-errors")).to_contain_text("An SVG can carry script")
    files.first.set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": picture(colour="purple")})
    page.get_by_role("button", name="Upload the logo on light pages").click()
    expect(page.get_by_text("Saved for light pages.")).to_be_visible()
    pictures(page, "brand-set")

    client = visit(f"/o/{acme.pk}/members/", by=bob)
    expect(client).to_have_title("Members of Acme · Northwatch Security")
    logo = client.locator("#rail img")
    assert logo.get_attribute("alt") == "Northwatch Security"
    assert logo.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 320
    is_open_to_everybody(client)
