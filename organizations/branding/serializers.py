"""A brand as it goes over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.actions.branding import LONGEST_NAME
from organizations.branding.models import Brand
from organizations.branding.queries import Look

_COLOUR = r"^#[0-9a-fA-F]{6}$"


class BrandIn(serializers.Serializer[Any]):
    """What a brand says. Each accent needs a contrast of 4.5:1 to the grounds of its pages."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    accent = serializers.RegexField(_COLOUR, help_text="Links and buttons on light pages, #rrggbb")
    accent_dark = serializers.RegexField(_COLOUR, help_text="The same on dark pages")


class BrandOut(serializers.ModelSerializer[Brand]):
    """A brand, with the address of its stylesheet, which changes with the brand."""

    stylesheet = serializers.SerializerMethodField()

    class Meta:
        model = Brand
        fields = ("name", "accent", "accent_dark", "stylesheet", "updated_at")

    def get_stylesheet(self, brand: Brand) -> str:
        """Its path at the portal."""
        return Look.of(brand).stylesheet
