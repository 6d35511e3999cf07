"""An organization's brand."""

from django.db import models


class Brand(models.Model):
    """
    The name and accent colours that an organization's pages carry in place of the product's own.

    `digest` names what is served of it: it changes with all that the brand says, and nobody guesses it from that.
    """

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.CASCADE, related_name="brand"
    )
    name = models.CharField(max_length=60)
    accent = models.CharField(max_length=7, help_text="#rrggbb, on light grounds")
    accent_dark = models.CharField(max_length=7, help_text="#rrggbb, on dark grounds")
    digest = models.CharField(max_length=64, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
