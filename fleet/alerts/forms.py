"""Forms of the inbox. They read what was written; the actions decide."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from fleet.alerts.actions import ACTS, LONGEST_NOTE
from fleet.alerts.suppressions import LONGEST_REASON

DAYS = {"1": "A day", "7": "A week", "30": "30 days", "90": "90 days"}
HERE, TENANT, EVERYWHERE = "agent", "tenant", "everywhere"


class HandleForm(forms.Form):
    """What is to be done with the chosen alerts."""

    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    assignee = forms.CharField(required=False, max_length=64)
    note = forms.CharField(required=False, max_length=LONGEST_NOTE)


class NoteForm(forms.Form):
    """A note."""

    text = forms.CharField(label="Note", max_length=LONGEST_NOTE, widget=forms.Textarea({"rows": 3}))


class SuppressForm(forms.Form):
    """How far and how long the alerts of a rule are not to be shown."""

    reach = forms.ChoiceField(label="Where")
    days = forms.ChoiceField(label="For", choices=[*DAYS.items()], initial="7")
    reason = forms.CharField(
        label="Why", max_length=LONGEST_REASON, help_text="Kept with the suppression and in the audit log."
    )

    def __init__(self, reaches: dict[str, str], data: Any = None) -> None:
        super().__init__(data)
        self.fields["reach"].choices = [*reaches.items()]  # type: ignore[attr-defined]

    def ends_at(self) -> dt.datetime:
        """When it ends."""
        return timezone.now() + dt.timedelta(days=int(self.cleaned_data["days"]))
