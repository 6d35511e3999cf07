"""Logos: what is taken of a picture, what is refused before it is decoded, and what is served."""

import base64
import io
import random
import struct
import zlib
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from controlplane import rls
from controlplane.problems import Forbidden, Invalid, NotFound
from organizations.actions import branding
from organizations.branding import images
from organizations.branding.models import Brand
from organizations.models import Organization, User
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited
from tests.organizations.test_branding import brand

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str = "PNG", size: tuple[int, int] = (400, 100), mode: str = "RGB", **more: object) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, more.pop("colour", None) or 0).save(written, kind, **more)
    return written.getvalue()


def noise(size: tuple[int, int]) -> bytes:
    written = io.BytesIO()
    Image.frombytes("RGBA", size, random.Random(7).randbytes(size[0] * size[1] * 4)).save(written, "PNG")
    return written.getvalue()


def moving(kind: str) -> bytes:
    written = io.BytesIO()
    frames = [Image.new("RGB", (40, 10), colour) for colour in ("red", "blue")]
    frames[0].save(written, kind, save_all=True, append_images=frames[1:])
    return written.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        [length] = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8]
        at += length + 12


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says that it unfolds to gigabytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


def why_not(content: bytes) -> str:
    with pytest.raises(Invalid) as refusal:
        images.taken(content, field="image")
    assert refusal.value.field == "image"
    return refusal.value.detail


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_png_of_at_most_320_by_80_in_its_own_proportions(kind: str) -> None:
    logo = images.taken(picture(kind, (1000, 500), colour="red"), field="image")
    assert (logo.width, logo.height) == (160, 80)
    kept = Image.open(io.BytesIO(logo.png))
    assert (kept.format, kept.size) == ("PNG", (160, 80))
    red, green, blue, opaque = kept.convert("RGBA").getpixel((80, 40))
    assert red > 250
    assert max(green, blue) < 5
    assert opaque == 255


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "1"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "I;16"), ("JPEG", "CMYK"), ("JPEG", "L"), ("WEBP", "RGBA")],
)
def test_every_way_of_keeping_pixels_is_read(kind: str, mode: str) -> None:
    assert images.taken(picture(kind, (30, 10), mode), field="image").width == 30


def test_what_is_transparent_stays_so() -> None:
    logo = images.taken(picture("PNG", (40, 10), "RGBA", colour=(255, 0, 0, 0)), field="image")
    assert Image.open(io.BytesIO(logo.png)).convert("RGBA").getpixel((5, 5))[3] == 0


def test_a_photograph_is_kept_within_its_bound() -> None:
    assert len(images.taken(noise((320, 80)), field="image").png) <= images.MOST_KEPT_BYTES


@pytest.mark.parametrize("size", [(60_000, 60_000), (9_400, 9_400), (2_001, 2_000), (2**31 - 1, 1)])
def test_what_would_unfold_to_gigabytes_is_refused_before_it_is_decoded(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    assert "million pixels" in why_not(bomb(*size))


def test_so_is_a_webp_that_is_small_as_a_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    content = picture("WEBP", (4000, 4000))
    assert len(content) < 30_000
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", lambda _: pytest.fail("decoded"))
    assert "million pixels" in why_not(content)


def test_a_text_that_unfolds_inside_a_picture_is_not_unfolded() -> None:
    text = PngInfo()
    text.add_text("note", "\0" * 50_000_000, zip=True)
    content = picture("PNG", (40, 10), pnginfo=text)
    assert len(content) < images.LARGEST_BYTES
    assert "Nothing was changed." in why_not(content)


def test_too_many_bytes_are_refused_without_a_look_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert "more than 512 KiB" in why_not(picture() + b"\0" * images.LARGEST_BYTES)


def test_of_a_picture_that_is_a_page_and_an_archive_too_the_pixels_alone_are_kept() -> None:
    text = PngInfo()
    text.add_text("Comment", "<script>alert(1)</script>")
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    content = (
        picture("PNG", (40, 10), pnginfo=text, icc_profile=b"profile") + b"PK\x03\x04<html><script>alert(2)</script>"
    )
    logo = images.taken(content, field="image")
    assert set(chunks(logo.png)) <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
    for trace in (b"script", b"PK\x03\x04", b"xmp", b"profile"):
        assert trace not in logo.png


def test_a_photograph_loses_its_place_and_stands_upright() -> None:
    facts = Image.Exif()
    facts[0x0112] = 6  # turned by a quarter
    facts[0x010E] = "taken at home"
    facts.get_ifd(0x8825)[1] = "N"
    logo = images.taken(picture("JPEG", (40, 20), exif=facts), field="image")
    assert (logo.width, logo.height) == (20, 40)
    assert b"home" not in logo.png
    assert not Image.open(io.BytesIO(logo.png)).getexif()


@pytest.mark.parametrize(
    "content",
    [
        SVG.encode(),
        b"\xef\xbb\xbf \n<!-- logo -->" + SVG.encode(),
        b'<?xml version="1.0"?><!DOCTYPE svg>' + SVG.encode(),
        SVG.upper().encode(),
        SVG.encode("utf-16"),
    ],
)
def test_an_svg_is_refused_with_the_reason(content: bytes) -> None:
    assert "An SVG can carry script" in why_not(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><script>alert(1)</script>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"%PDF-1.7\n",
        b"RIFF\x04\0\0\0WEBP",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        *(picture(kind, (40, 10)) for kind in ("GIF", "BMP", "TIFF", "ICO", "PPM")),
    ],
)
def test_what_is_none_of_the_three_kinds_is_refused_whatever_it_is_called(content: bytes) -> None:
    assert "no PNG, JPEG or WebP" in why_not(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_was_cut_short_is_refused(kind: str) -> None:
    whole = io.BytesIO()
    Image.frombytes("RGB", (80, 40), random.Random(7).randbytes(80 * 40 * 3)).save(whole, kind)
    assert "Export" in why_not(whole.getvalue()[: len(whole.getvalue()) // 2])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_that_moves_is_refused(kind: str) -> None:
    assert "moves, or holds several" in why_not(moving(kind))


@given(
    st.sampled_from(["PNG", "JPEG", "WEBP"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=20),
)
def test_whatever_is_broken_in_it_is_a_refusal_or_a_logo_and_never_another_error(
    kind: str, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(picture(kind, (40, 10), colour="red"))
    for place, value in changes:
        content[place % len(content)] = value
    try:
        logo = images.taken(bytes(content), field="image")
    except Invalid:
        return
    assert len(logo.png) <= images.MOST_KEPT_BYTES
    assert logo.width <= 320
    assert logo.height <= 80


def set_logo(user: User, organization: Organization, scheme: str, content: bytes) -> Brand:
    by = actor_for(user)
    with rls.acting_as(by.rls_actor):
        return branding.set_logo(by=by, organization=organization, scheme=scheme, content=content)


def test_logos_are_audited_change_the_addresses_and_stay_when_colours_change(acme: Organization, alice: User) -> None:
    before = brand(alice, acme).digest
    held = set_logo(alice, acme, "light", picture())
    assert held.digest != before
    entry = audited(acme.pk)[-1]
    assert (entry.action, entry.data["scheme"]) == ("organizations.brand.set_logo", "light")
    assert set_logo(alice, acme, "light", picture()).digest == held.digest
    assert audited(acme.pk)[-1].pk == entry.pk
    changed = brand(alice, acme, "Another")
    assert (changed.logo_width, changed.digest != held.digest) == (320, True)
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        branding.remove_logo(by=by, organization=acme, scheme="light")
        with pytest.raises(NotFound):
            branding.remove_logo(by=by, organization=acme, scheme="light")
    assert audited(acme.pk)[-1].action == "organizations.brand.remove_logo"


def test_a_logo_needs_a_brand_and_an_owner(acme: Organization, alice: User, bob: User) -> None:
    with pytest.raises(NotFound):
        set_logo(alice, acme, "light", picture())
    brand(alice, acme)
    with pytest.raises(Forbidden):
        set_logo(bob, acme, "light", picture())
    with pytest.raises(NotFound):
        set_logo(alice, acme, "sepia", picture())


def test_it_is_served_as_a_picture_and_nothing_else_for_good_by_its_address_alone(
    acme: Organization, alice: User
) -> None:
    brand(alice, acme)
    held = set_logo(alice, acme, "light", picture(colour="red"))
    address = f"/brand/{acme.pk}/{held.digest}.png"
    answer = Client().get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(answer.content)).size == (320, 80)
    assert Client().get(f"/brand/{acme.pk}/{held.digest}-dark.png").status_code == 404
    set_logo(alice, acme, "dark", picture(colour="blue"))
    assert Client().get(address).status_code == 404
    assert Client().get(f"/brand/{acme.pk}/{'0' * 64}.png").status_code == 404


def test_pages_show_the_one_for_their_scheme_with_the_name_for_who_does_not_see_it(
    acme: Organization, alice: User, bob: User
) -> None:
    brand(alice, acme, "Acme Shield")
    set_logo(alice, acme, "light", picture())
    page = session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()
    with all_rows():
        digest = Brand.objects.get().digest
    assert f'src="/brand/{acme.pk}/{digest}.png" width="320" height="80" alt="Acme Shield"' in page
    assert "-dark.png" not in page
    set_logo(alice, acme, "dark", picture())
    assert "-dark.png" in session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()


def test_the_page_takes_shows_and_removes_a_logo_and_keeps_the_old_one_where_the_new_is_refused(
    acme: Organization, alice: User
) -> None:
    brand(alice, acme)
    browser, address = session_of(alice), f"/o/{acme.pk}/brand/logos/light/"
    saved = browser.post(address, {"image": SimpleUploadedFile("logo.png", picture())}, follow=True)
    assert "Saved" in saved.content.decode()
    refused = browser.post(address, {"image": SimpleUploadedFile("logo.png", SVG.encode(), "image/png")})
    assert refused.status_code == 422
    assert "An SVG can carry script" in refused.content.decode()
    assert browser.post(address, {}).status_code == 422
    assert browser.post(address.replace("light", "sepia"), {}).status_code == 404
    with all_rows():
        assert Brand.objects.get().logo_width == 320
    gone = browser.post(f"{address}remove/", follow=True)
    assert "The logo is removed" in gone.content.decode()
    with all_rows():
        assert Brand.objects.get().logo_width == 0


def test_by_api_it_is_sent_as_base64(acme: Organization, alice: User) -> None:
    brand(alice, acme)
    client, address = session_of(alice), f"/api/v1/organizations/{acme.pk}/brand/logos/light"
    sent = {"image": base64.b64encode(picture()).decode()}
    put = client.put(address, sent, content_type="application/json")
    assert put.status_code == 200
    assert Client().get(put.json()["logo"]).status_code == 200
    assert put.json()["logo_dark"] == ""
    for image, status in (("%%%", 422), ("PHN2Zz4=", 422), ("A" * 700_000, 422)):
        refused = client.put(address, {"image": image}, content_type="application/json")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (status, "image")
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert client.put(address.replace("light", "sepia"), sent, content_type="application/json").status_code == 404
