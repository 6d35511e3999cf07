"""A brand of Acme's own: a name, two colours, and a logo for light and for dark pages."""

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from controlplane import rls
from organizations.actions import branding
from tests.cast import actor_for

if TYPE_CHECKING:
    from tests.browser.world import World

ACCENTS = {"light": "#7a1f5c", "dark": "#e59acb"}


def add_brand(world: "World") -> None:
    """What the pages of whoever has a brand look like; its colours are those of every page of Acme's."""
    by = actor_for(world.alice)
    with rls.acting_as(by.rls_actor):
        given = {"accent": ACCENTS["light"], "accent_dark": ACCENTS["dark"]}
        branding.set_brand(by=by, organization=world.acme, name="Anvil Watch", **given)
        for scheme, colour in ACCENTS.items():
            branding.set_logo(by=by, organization=world.acme, scheme=scheme, content=logo(colour))


def logo(colour: str) -> bytes:
    """An anvil, on nothing."""
    picture = Image.new("RGBA", (280, 80))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 14), (110, 14), (80, 44), (58, 44), (66, 66), (24, 66), (32, 44), (26, 34)], fill=colour)
    draw.rounded_rectangle((130, 30, 280, 46), 8, fill=colour)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
