"""Forms of an MSP's pages."""

from django import forms

from organizations.external_ids import LONGEST
from organizations.forms import PlaceForm


class ClientForm(PlaceForm):
    """A new client organization."""

    name = forms.CharField(label="Name of the client", max_length=120, help_text="As people there call themselves.")
    external_id = forms.CharField(
        label="Your id for them",
        max_length=LONGEST,
        required=False,
        help_text="What your own tools call them. The API finds the client by it; the client does not see it.",
    )
