"""An organization's name and colours: who sets them, what is refused, where they show, and what is served of them."""

import math
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from controlplane import rls
from controlplane.problems import Forbidden, Invalid, NotFound
from organizations.actions import branding
from organizations.branding import colours
from organizations.branding.colours import DARK, LIGHT, OURS, SCHEMES, Colour, contrast, parsed, written
from organizations.branding.models import Brand
from organizations.branding.queries import brand_of
from organizations.models import Grant, Organization, User
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited

GREEN = {"accent": "#14532d", "accent_dark": "#86efac"}
PLUM = {"accent": "#701a75", "accent_dark": "#f0abfc"}


def brand(user: User, organization: Organization, name: str = "Acme Shield", **chosen: str) -> Brand:
    by = actor_for(user)
    with rls.acting_as(by.rls_actor):
        return branding.set_brand(by=by, organization=organization, name=name, **{**GREEN, **chosen})


def shown_to(user: User, organization: Organization) -> str:
    """The name of the brand that somebody's pages of an organization carry."""
    with rls.acting_as(actor_for(user).rls_actor):
        held = brand_of(organization)
    return held.name if held else ""


def test_it_is_kept_and_audited_with_before_and_after_and_the_same_again_changes_nothing(
    acme: Organization, alice: User
) -> None:
    first = brand(alice, acme, "  Acme   Shield ")
    assert (first.name, first.accent) == ("Acme Shield", "#14532d")
    entry = audited(acme.pk)[-1]
    assert (entry.action, entry.data["before"]) == ("organizations.brand.set", {})
    assert entry.data["after"] == {"name": "Acme Shield", **GREEN}
    assert brand(alice, acme).digest == first.digest
    assert audited(acme.pk)[-1].pk == entry.pk
    assert brand(alice, acme, accent="#1E3A8A").digest != first.digest
    assert audited(acme.pk)[-1].data["before"]["accent"] == "#14532d"


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 61, "Acme\0", "Acme\x07", "Acme \u202eevil", "\u200b", "Garrison SOC"]
)
def test_a_name_that_is_none_or_turns_text_around_is_refused(acme: Organization, alice: User, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        brand(alice, acme, name)
    assert refusal.value.field == "name"
    with all_rows():
        assert not Brand.objects.exists()


def test_colours_that_can_not_be_read_are_refused_each_with_its_contrast_and_one_that_would_do(
    acme: Organization, alice: User
) -> None:
    with pytest.raises(Invalid) as refusal:
        brand(alice, acme, accent="#7fd1c7", accent_dark="#1e3a8a")
    told = {error.field: error.message for error in refusal.value.errors}
    assert set(told) == {"accent", "accent_dark"}
    assert "#7fd1c7 on a line under the pointer has a contrast of 1.5:1, and text needs 4.5:1" in told["accent"]
    assert "Choose a darker one" in told["accent"]
    assert "Choose a lighter one" in told["accent_dark"]
    would_do = {field: re.findall("#[0-9a-f]{6}", words)[-1] for field, words in told.items()}
    assert brand(alice, acme, **would_do).accent == would_do["accent"]
    with all_rows():
        assert Brand.objects.get().accent_dark == would_do["accent_dark"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "red", "#fff", "#12345", "#1234567", "#12345g", "123456", " #14532d", "#14532d\n", "#１４５３２ｄ"),
        *("#14532d;}body{display:none", "url(//evil.example)", "light-dark(#000,#fff)", "#14532d</style>"),
    ],
)
def test_what_is_no_colour_is_refused_and_never_comes_near_a_stylesheet(
    acme: Organization, alice: User, text: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        brand(alice, acme, accent=text)
    assert refusal.value.errors[0].field == "accent"


def test_a_contrast_is_the_one_of_the_guidelines_and_is_cut_off_rather_than_rounded_up() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.478, abs=0.001)
    grey = "#6c6c6c"
    assert LIGHT.least((108, 108, 108))[0] == pytest.approx(4.61, abs=0.05)
    assert colours.refusal(grey, LIGHT) == ""
    assert "4.4:1" in colours.refusal("#6f6f6f", LIGHT)


def test_the_products_own_accents_would_be_taken_as_brands_are() -> None:
    assert {field: colours.refusal(text, SCHEMES[field]) for field, text in OURS.items()} == {
        "accent": "",
        "accent_dark": "",
    }


def test_the_grounds_that_are_measured_against_are_those_of_the_theme() -> None:
    theme = (Path(settings.BASE_DIR) / "assets" / "src" / "theme.css").read_text()
    for place, scheme in enumerate((LIGHT, DARK)):
        for number, ground in zip((100, 200, 300), scheme.grounds.values(), strict=True):
            [pair] = re.findall(rf"--color-base-{number}: light-dark\(oklch\((.*?)\), oklch\((.*?)\)\)", theme)
            assert written(ground) == written(_srgb(*map(float, pair[place].split())))


def _srgb(lightness: float, chroma: float, hue: float) -> Colour:
    """A colour of the theme as browsers show it (CSS Color 4, sample code of Oklab)."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    red, green, blue = (
        round(255 * min(1.0, 12.92 * each if each <= 0.0031308 else 1.055 * each ** (1 / 2.4) - 0.055))
        for each in linear
    )
    return red, green, blue


def test_only_an_owner_changes_it(acme: Organization, alice: User, bob: User, maria: User) -> None:
    brand(alice, acme)
    for somebody in (bob, maria):
        with pytest.raises(Forbidden):
            brand(somebody, acme, "Bob's")
        by = actor_for(somebody)
        with pytest.raises(Forbidden), rls.acting_as(by.rls_actor):
            branding.remove_brand(by=by, organization=acme)
    assert shown_to(bob, acme) == "Acme Shield"


def test_a_client_without_a_brand_carries_its_msps_and_its_own_as_soon_as_it_has_one(
    acme: Organization, msp: Organization, alice: User, bob: User, paula: User, maria: User
) -> None:
    assert shown_to(bob, acme) == ""
    brand(paula, msp, "Northwatch", **PLUM)
    for somebody in (alice, bob, maria):
        assert shown_to(somebody, acme) == "Northwatch"
    brand(alice, acme)
    for somebody in (alice, bob, maria):
        assert shown_to(somebody, acme) == "Acme Shield"
    assert shown_to(paula, msp) == "Northwatch"


@pytest.mark.parametrize("what", [{"state": "withdrawn"}, {"state": "ended"}, {"ends_at": "2040-01-01T00:00:00Z"}])
def test_an_msp_whose_access_is_over_or_ends_by_itself_brings_no_brand(
    acme: Organization, msp: Organization, bob: User, paula: User, what: dict[str, str]
) -> None:
    brand(paula, msp, "Northwatch")
    with all_rows():
        review = {"review_at": None} if "ends_at" in what else {}
        Grant.objects.filter(msp=msp, client=acme).update(**what, **review)
    assert shown_to(bob, acme) == ""


@pytest.mark.postgres
def test_row_level_security_shows_a_brand_to_its_own_and_to_its_clients_people_and_lets_only_its_own_write(
    acme: Organization, msp: Organization, bob: User, paula: User, mallory: User
) -> None:
    brand(paula, msp, "Northwatch")
    for somebody, seen in ((bob, 1), (paula, 1), (mallory, 0)):
        with rls.acting_as(actor_for(somebody).rls_actor):
            assert Brand.objects.count() == seen
    with rls.acting_as(actor_for(bob).rls_actor):
        assert Brand.objects.filter(pk=msp.pk).update(name="Bob's") == 0
        assert Brand.objects.filter(pk=msp.pk).delete()[0] == 0


def test_what_is_served_is_colours_alone_for_good_and_only_by_its_address(acme: Organization, alice: User) -> None:
    held = brand(alice, acme)
    address = f"/brand/{acme.pk}/{held.digest}.css"
    answer = Client().get(address)
    assert answer.status_code == 200
    assert answer.content.decode() == (
        ":root{--color-primary:light-dark(#14532d,#86efac);--color-primary-content:light-dark(#ffffff,#0f1516);"
        f"--color-primary-soft:light-dark({written(LIGHT.soft(parsed('#14532d') or (0, 0, 0)))},"
        f"{written(DARK.soft(parsed('#86efac') or (0, 0, 0)))})}}\n"
    )
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Security-Policy"] == "default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    brand(alice, acme, "Another")
    guesses = [
        address,
        f"/brand/{acme.pk}/{'0' * 64}.css",
        f"/brand/{acme.pk}/.css",
        f"/brand/{'org_' + 'a' * 20}/{held.digest}.css",
    ]
    assert {Client().get(each).status_code for each in guesses} == {404}


def test_two_organizations_that_look_the_same_have_addresses_of_their_own(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    assert brand(alice, acme).digest != brand(paula, msp).digest


def test_pages_carry_it_and_lose_it(acme: Organization, alice: User, bob: User) -> None:
    browser = session_of(alice)
    page = browser.post(f"/o/{acme.pk}/brand/", {"name": "Acme <Shield>", **GREEN}, follow=True).content.decode()
    with all_rows():
        held = Brand.objects.get()
    for text in (page, session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()):
        assert f'<link rel="stylesheet" href="/brand/{acme.pk}/{held.digest}.css">' in text
        assert "· Acme &lt;Shield&gt;</title>" in text
        assert "<Shield>" not in text
    gone = browser.post(f"/o/{acme.pk}/brand/remove/", follow=True).content.decode()
    assert "The brand is removed" in gone
    assert "/brand/org_" not in gone.replace(f"/o/{acme.pk}/brand/", "")
    assert "· Garrison</title>" in gone


def test_the_page_keeps_what_was_typed_and_says_what_to_change(acme: Organization, alice: User) -> None:
    answer = session_of(alice).post(f"/o/{acme.pk}/brand/", {"name": "Acme", "accent": "#ffee00", "accent_dark": "x"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="#ffee00"' in text
    assert "Choose a darker one" in text
    assert "six hexadecimal digits" in text
    assert 'fill="#ffee00"' in text
    assert 'fill="x"' not in text


def test_a_preview_is_drawn_of_numbers_and_of_nothing_that_was_typed(acme: Organization, alice: User) -> None:
    typed = {"name": "A", "accent": '"/><x', "accent_dark": "#86EFAC"}
    text = session_of(alice).post(f"/o/{acme.pk}/brand/", typed).content.decode()
    assert set(re.findall(r'fill="(.*?)"', text)) <= {
        *(written(each) for scheme in (LIGHT, DARK) for each in (*scheme.grounds.values(), scheme.away)),
        *("#005d5e", "#86efac"),
    }


def test_by_api_it_is_read_set_against_an_etag_and_removed(acme: Organization, alice: User) -> None:
    client, address = session_of(alice), f"/api/v1/organizations/{acme.pk}/brand"
    assert client.get(address).json()["code"] == "NOT_FOUND"
    put = client.put(address, {"name": "Acme Shield", **GREEN}, content_type="application/json")
    assert put.status_code == 200
    assert put.json()["stylesheet"].startswith(f"/brand/{acme.pk}/")
    tag = put["ETag"]
    assert client.get(address)["ETag"] == tag
    changed = {"name": "Other", **GREEN}
    assert client.put(address, changed, content_type="application/json", headers={"If-Match": tag}).status_code == 200
    stale = client.put(address, changed, content_type="application/json", headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    refused = client.put(address, {"name": "A", "accent": "#ffee00", "accent_dark": "#86efac"}, "application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "accent")


def test_removing_what_is_not_there_says_so(acme: Organization, alice: User) -> None:
    by = actor_for(alice)
    with pytest.raises(NotFound), rls.acting_as(by.rls_actor):
        branding.remove_brand(by=by, organization=acme)
