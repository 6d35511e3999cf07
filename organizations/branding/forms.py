"""The form of the page on which an organization says how it looks."""

from typing import Any

from django import forms

from organizations.actions.branding import LONGEST_NAME
from organizations.branding.colours import OURS, SCHEMES, parsed, written
from organizations.branding.images import LARGEST_BYTES
from organizations.branding.models import Brand

_COLOUR = forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "data-brand": "colour"})


class BrandForm(forms.Form):
    """Name and colours."""

    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="In place of the product's name, at the head of your pages."
    )
    accent = forms.CharField(
        label="Accent on light pages",
        max_length=7,
        widget=_COLOUR,
        help_text="Links, buttons, what is chosen: #rrggbb.",
    )
    accent_dark = forms.CharField(
        label="Accent on dark pages",
        max_length=7,
        widget=_COLOUR,
        help_text="The same for whoever has a dark screen: usually a lighter one.",
    )

    @classmethod
    def of(cls, brand: Brand | None, data: Any = None) -> "BrandForm":
        """The form with what holds now, or with the product's own colours."""
        held = {name: getattr(brand, name) for name in cls.base_fields} if brand else OURS
        return cls(data, initial=held)

    def previewed(self) -> dict[str, dict[str, str]]:
        """What a light and a dark page are drawn with: the form's accents, as far as they are colours."""
        return {field: self._page_of(field) for field in SCHEMES}

    def _page_of(self, field: str) -> dict[str, str]:
        scheme, typed = SCHEMES[field], parsed(str(self[field].value() or ""))
        accent = typed or parsed(OURS[field])
        assert accent is not None
        grounds = dict(zip(("page", "quiet"), scheme.grounds.values(), strict=False))
        colours = {**grounds, "accent": accent, "ink": scheme.away}
        return {name: written(colour) for name, colour in colours.items()}


class LogoForm(forms.Form):
    """A picture for light or for dark pages. Its bounds are looked at before it is read."""

    image = forms.FileField(
        label="Picture",
        widget=forms.ClearableFileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text="PNG, JPEG or WebP, at most 512 KiB. It is made to fit 320 × 80 pixels.",
    )

    @classmethod
    def of(cls, scheme: str, data: Any = None, files: Any = None) -> "LogoForm":
        """The form of one scheme, apart from the other's on the page."""
        return cls(data, files, auto_id=f"{scheme}_%s")

    def read(self) -> bytes:
        """The file, and one byte more than is taken at most."""
        return bytes(self.cleaned_data["image"].read(LARGEST_BYTES + 1))
