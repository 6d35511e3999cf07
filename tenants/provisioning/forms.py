"""Forms about a tenant's life. They read what was typed; the actions decide."""

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.models import Plan

SLEEP_CHOICES = [
    ("", "Never"),
    (15, "After 15 minutes"),
    (30, "After 30 minutes"),
    (60, "After 1 hour"),
    (240, "After 4 hours"),
    (1440, "After 1 day"),
    (10_080, "After 1 week"),
]


BACKUP_CHOICES = {
    "6": ("Every 6 hours, for a week", {"every_hours": 6, "keep": 28}),
    "12": ("Every 12 hours, for a week", {"every_hours": 12, "keep": 14}),
    "168": ("Every week, for two", {"every_hours": 168, "keep": 2}),
}
"""What the form offers beside the usual; everything else in the tenant's settings and by API."""


class CreateForm(forms.Form):
    """A new tenant: its name, under which plan, in which version."""

    name = forms.CharField(
        label="Name", max_length=80, help_text="What people call it, such as “Production” or “Warehouses”."
    )
    plan = forms.ChoiceField(label="Plan", widget=forms.RadioSelect)
    version = forms.ChoiceField(label="Wazuh version")
    sleep_after_minutes = forms.TypedChoiceField(
        label="Sleep when nobody uses it",
        choices=SLEEP_CHOICES,
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Only while no agent is connected. The next request wakes it. You can change this at any time.",
    )

    backups = forms.ChoiceField(
        label="Backups by themselves",
        choices=[("", "Every day, for a week"), *((name, words) for name, (words, _) in BACKUP_CHOICES.items())],
        required=False,
    )

    def clean_backups(self) -> dict[str, int] | None:
        """The schedule that was chosen; None for the usual one."""
        chosen = self.cleaned_data["backups"]
        return BACKUP_CHOICES[chosen][1] if chosen else None

    def __init__(self, *args: Any, plans: Sequence[Plan], versions: Sequence[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["plan"].choices = [(plan.code, plan.name) for plan in plans]  # type: ignore[attr-defined]
        self.fields["version"].choices = [(version, version) for version in versions]  # type: ignore[attr-defined]
