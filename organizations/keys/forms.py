"""The form for a new API key."""

import datetime as dt
from typing import Any

from django import forms

from organizations.roles.words import PERMISSION_WORDS

KEY_LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"))


class KeyForm(forms.Form):
    """What a new API key is called, may do, and when it ends. There is no key without an end."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="Say where it is used, such as “Ticket system, production”."
    )
    expires_in = forms.ChoiceField(
        label="Works for", choices=KEY_LIFETIMES, initial="90", widget=forms.RadioSelect(attrs={"class": ""})
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-primary"})
    )

    def __init__(self, *args: Any, permissions: frozenset[str], **more: Any) -> None:
        super().__init__(*args, **more)
        offered = [(name, words) for name, words in PERMISSION_WORDS.items() if name in permissions]
        self.fields["scopes"].choices = offered  # type: ignore[attr-defined]

    @property
    def lifetime(self) -> dt.timedelta:
        """How long the key is to work."""
        return dt.timedelta(days=int(self.cleaned_data["expires_in"]))
