"""Forms of status pages."""

from django import forms


class LinkForm(forms.Form):
    """A public link."""

    title = forms.CharField(label="Title", max_length=80, help_text="What strangers read instead of the tenant's name.")
