"""The form of the page of host names."""

from django import forms


class HostnameForm(forms.Form):
    """A host name to be claimed."""

    name = forms.CharField(
        label="Host name", max_length=255, widget=forms.TextInput(attrs={"placeholder": "status.example.com"})
    )
