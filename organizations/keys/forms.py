"""The form for a new API key."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms

from organizations.roles.words import PERMISSION_WORDS

KEY_LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"))


OVERLAPS = (("0", "At once"), ("1", "After an hour"), ("24", "After a day"), ("168", "After a week"))


class RotationForm(forms.Form):
    """When a key ends that is exchanged, and how long its successor works."""

    overlap_hours = forms.TypedChoiceField(label="The old key ends", choices=OVERLAPS, coerce=int, initial="24")
    expires_in = forms.TypedChoiceField(label="The new one works for", choices=KEY_LIFETIMES, coerce=int, initial="90")


class KeyForm(forms.Form):
    """What a new API key is called, may do, and when it ends. There is no key without an end."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="Say where it is used, such as “Ticket system, production”."
    )
    expires_in = forms.ChoiceField(
        label="Works for", choices=KEY_LIFETIMES, initial="90", widget=forms.RadioSelect(attrs={"class": ""})
    )
    service_account = forms.ChoiceField(
        label="Owner",
        required=False,
        help_text="A key ends with its owner's membership. A service account stays; make one among the members.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"})
    )

    def __init__(
        self, *args: Any, permissions: frozenset[str], accounts: Sequence[tuple[str, str]], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.fields["service_account"].choices = [("", "You"), *accounts]  # type: ignore[attr-defined]
        offered = [(name, words) for name, words in PERMISSION_WORDS.items() if name in permissions]
        self.fields["scopes"].choices = offered  # type: ignore[attr-defined]

    @property
    def lifetime(self) -> dt.timedelta:
        """How long the key is to work."""
        return dt.timedelta(days=int(self.cleaned_data["expires_in"]))
