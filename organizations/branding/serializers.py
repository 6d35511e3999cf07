"""A brand as it goes over the wire."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from organizations.actions.branding import LONGEST_NAME
from organizations.branding.images import LARGEST_BYTES
from organizations.branding.models import Brand
from organizations.branding.queries import Look, Picture

_COLOUR = r"^#[0-9a-fA-F]{6}$"


class BrandIn(serializers.Serializer[Any]):
    """What a brand says. Each accent needs a contrast of 4.5:1 to the grounds of its pages."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    accent = serializers.RegexField(_COLOUR, help_text="Links and buttons on light pages, #rrggbb")
    accent_dark = serializers.RegexField(_COLOUR, help_text="The same on dark pages")


class LogoIn(serializers.Serializer[Any]):
    """A picture to be taken as a logo. What is kept is a PNG of its pixels, at most 320 × 80."""

    image = serializers.CharField(
        max_length=(LARGEST_BYTES + 2) // 3 * 4, help_text="A PNG, JPEG or WebP file of at most 512 KiB, in base64"
    )

    def validate_image(self, text: str) -> bytes:
        """The file itself."""
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError("This is no base64.") from error


class BrandOut(serializers.ModelSerializer[Brand]):
    """A brand, with the paths at the portal of what is served of it, which change with the brand; empty for none."""

    stylesheet = serializers.SerializerMethodField()
    logo = serializers.SerializerMethodField()
    logo_dark = serializers.SerializerMethodField()

    class Meta:
        model = Brand
        fields = ("name", "accent", "accent_dark", "stylesheet", "logo", "logo_dark", "updated_at")

    def get_stylesheet(self, brand: Brand) -> str:
        """Its path at the portal."""
        return Look.of(brand).stylesheet

    def get_logo(self, brand: Brand) -> str:
        """Its path at the portal; empty for none."""
        return _address(Picture.of(brand, "light"))

    def get_logo_dark(self, brand: Brand) -> str:
        """The same for dark pages."""
        return _address(Picture.of(brand, "dark"))


def _address(picture: Picture | None) -> str:
    return picture.address if picture else ""
