"""Forms about moves. They read what was typed; the actions decide."""

from collections.abc import Iterable
from typing import Any

from django import forms

from tenants.agents.moves.actions import DEFAULT_DAYS, DEFAULT_GRACE_HOURS, LONGEST_DAYS, LONGEST_GRACE_HOURS
from tenants.provisioning.models import Tenant


class MoveForm(forms.Form):
    """Where chosen agents are to go, and how long the way may take."""

    target = forms.ChoiceField(label="To the tenant")
    expires_in_days = forms.IntegerField(
        label="They may come for",
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=DEFAULT_DAYS,
        help_text="Days. Who has not come by then stays here.",
    )
    grace_hours = forms.IntegerField(
        label="Their old identity stays for",
        min_value=0,
        max_value=LONGEST_GRACE_HOURS,
        initial=DEFAULT_GRACE_HOURS,
        help_text="Hours after each has arrived. Then it is removed here.",
    )

    def __init__(self, targets: Iterable[Tenant], data: Any = None) -> None:
        super().__init__(data)
        choices = [(tenant.pk, f"{tenant.name}, {tenant.organization.name}") for tenant in targets]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]
