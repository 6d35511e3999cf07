"""An organization's brand."""

from django.db import models

LOGOS = {"light": "logo", "dark": "logo_dark"}
"""By the scheme that a logo is for: where it stands; its measures stand in the same name with `_width`, `_height`."""


class Brand(models.Model):
    """
    The name, accent colours and logos that an organization's pages carry in place of the product's own.

    `digest` names what is served of it: it changes with all that the brand says, and nobody guesses it from that.
    """

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.CASCADE, related_name="brand"
    )
    name = models.CharField(max_length=60)
    accent = models.CharField(max_length=7, help_text="#rrggbb, on light grounds")
    accent_dark = models.CharField(max_length=7, help_text="#rrggbb, on dark grounds")
    logo = models.BinaryField(default=bytes, blank=True, help_text="PNG of ours, at most 64 KiB; empty for none")
    logo_width = models.PositiveSmallIntegerField(default=0)
    logo_height = models.PositiveSmallIntegerField(default=0)
    logo_dark = models.BinaryField(default=bytes, blank=True, help_text="The same for dark pages")
    logo_dark_width = models.PositiveSmallIntegerField(default=0)
    logo_dark_height = models.PositiveSmallIntegerField(default=0)
    digest = models.CharField(max_length=64, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
