"""Forms about enrollment tokens. They read what was typed; the actions decide."""

import datetime as dt
from typing import Any

from django import forms

from tenants.enrollment.limits import (
    DEFAULT_LIFE,
    DEFAULT_OVERLAP,
    DEFAULT_USES,
    LONGEST_LABEL,
    LONGEST_NAME,
    MOST_USES,
)

LIFETIMES = (("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year"))

OVERLAPS = (("0", "Not at all"), ("1", "1 hour"), ("24", "1 day"), ("168", "7 days"))


class TokenForm(forms.Form):
    """A new enrollment token. There is no token without an end."""

    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="Which machines it is for, such as “Warehouse laptops”."
    )
    expires_in = forms.ChoiceField(
        label="Works for", choices=LIFETIMES, initial=str(DEFAULT_LIFE.days), widget=forms.RadioSelect
    )
    max_uses = forms.IntegerField(
        label="How many machines",
        min_value=1,
        max_value=MOST_USES,
        initial=DEFAULT_USES,
        help_text="Counted exactly, at the edge.",
    )
    groups = forms.CharField(
        label="Groups", required=False, max_length=400, help_text="Wazuh groups they join, with commas between."
    )
    site = forms.CharField(
        label="Site",
        required=False,
        max_length=LONGEST_LABEL,
        help_text="Where they are, such as Gdańsk. Each agent carries it as its label “site”.",
    )
    labels = forms.CharField(
        label="Labels",
        required=False,
        max_length=1200,
        help_text="Kept with each agent, such as shift=day, owner=logistics.",
    )

    def clean_groups(self) -> list[str]:
        """Names between commas."""
        return [part for part in (text.strip() for text in self.cleaned_data["groups"].split(",")) if part]

    def clean_labels(self) -> dict[str, str]:
        """Pairs name=text between commas."""
        labels: dict[str, str] = {}
        for part in filter(None, (text.strip() for text in self.cleaned_data["labels"].split(","))):
            name, equals, text = part.partition("=")
            if not equals:
                raise forms.ValidationError(f"“{part}” is no label: write name=text.")
            labels[name.strip()] = text.strip()
        return labels

    def chosen(self) -> dict[str, Any]:
        """What `actions.create_token` takes."""
        data = dict(self.cleaned_data)
        data["expires_in"] = dt.timedelta(days=int(data["expires_in"]))
        return data


class RotationForm(forms.Form):
    """How long a token that is rotated goes on beside the new one."""

    overlap = forms.ChoiceField(
        label="The old one works on for",
        choices=OVERLAPS,
        initial=str(DEFAULT_OVERLAP // dt.timedelta(hours=1)),
        widget=forms.RadioSelect,
    )

    def chosen(self) -> dt.timedelta:
        """What `actions.rotate_token` takes."""
        return dt.timedelta(hours=int(self.cleaned_data["overlap"]))


class RenameForm(forms.Form):
    """What a token is to be called."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME)
