"""Forms of an MSP's pages."""

from django import forms


class ClientForm(forms.Form):
    """A new client organization."""

    name = forms.CharField(label="Name of the client", max_length=120, help_text="As people there call themselves.")
