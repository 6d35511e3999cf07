"""The typed confirmation of a deletion."""

from django import forms


class DeleteForm(forms.Form):
    """The tenant's name, typed. Whether it is the right one is the action's to say."""

    confirm_name = forms.CharField(label="Name of the tenant", max_length=80, strip=True)
    confirm_name.widget.attrs["autocomplete"] = "off"
