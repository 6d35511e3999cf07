"""Forms of reports."""

from collections.abc import Iterable
from typing import Any

from django import forms

from fleet.reports.links import LONGEST_DAYS
from fleet.reports.models import ReportPlan
from fleet.reports.parts import PARTS
from fleet.reports.plans import Terms


class PlanForm(forms.Form):
    """What a report is to tell, of whom, when, and to whom."""

    name = forms.CharField(label="Name", max_length=80)
    clients = forms.MultipleChoiceField(
        label="Of whom", required=False, widget=forms.CheckboxSelectMultiple, help_text="none chosen: everybody"
    )
    parts = forms.MultipleChoiceField(
        label="What it tells",
        widget=forms.CheckboxSelectMultiple,
        choices=[(key, part.title) for key, part in PARTS.items()],
        initial=list(PARTS),
    )
    every = forms.ChoiceField(label="How often", choices=ReportPlan.Every.choices, initial="monthly")
    time_zone = forms.CharField(
        label="Time zone",
        initial="UTC",
        max_length=64,
        help_text="In which weeks and months begin, such as Europe/Berlin.",
    )
    members = forms.MultipleChoiceField(label="Mail to members", required=False, widget=forms.CheckboxSelectMultiple)
    addresses = forms.MultipleChoiceField(
        label="Mail to others", required=False, widget=forms.CheckboxSelectMultiple, help_text="confirmed by an owner"
    )
    active = forms.BooleanField(label="Make it by itself", required=False, initial=True)

    def __init__(
        self,
        data: Any = None,
        *,
        clients: Iterable[tuple[str, str]],
        members: Iterable[tuple[str, str]],
        addresses: Iterable[str],
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        mailed = [(each, each) for each in addresses]
        choices = {"clients": list(clients), "members": list(members), "addresses": mailed}
        for name, given in choices.items():
            self.fields[name].choices = given  # type: ignore[attr-defined]

    @property
    def terms(self) -> Terms:
        """The same as the action takes it."""
        return Terms(**self.cleaned_data)


class ReportLinkForm(forms.Form):
    """How long a public link opens a report."""

    days = forms.TypedChoiceField(
        label="Ends after",
        choices=[(days, f"{days} days") for days in (7, 30, LONGEST_DAYS)],
        coerce=int,
        initial=30,
    )
