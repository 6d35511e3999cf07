"""The form of a roll-out. It reads what was chosen; the actions decide."""

from collections.abc import Iterable
from typing import Any

from django import forms

from organizations.models import Organization
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import IN_WINDOW, NOW
from tenants.rollouts.actions import LONGEST_SOAK, MOST_FAILURES, SOAK_HOURS
from tenants.rollouts.kinds import IN_RINGS, chosen


class RolloutForm(forms.Form):
    """What, to whom, when and how carefully."""

    what = forms.ChoiceField(label="What")
    when = forms.ChoiceField(label="When", choices=[(NOW, "Now"), (IN_WINDOW, "In each tenant's maintenance window")])
    soak_hours = forms.IntegerField(
        label="Hours between rings",
        min_value=0,
        max_value=LONGEST_SOAK,
        initial=SOAK_HOURS,
        help_text="How long a ring is left alone before the next one begins.",
    )
    failures_allowed = forms.IntegerField(
        label="Failures allowed",
        min_value=0,
        max_value=MOST_FAILURES,
        initial=0,
        help_text="If more tenants fail, nothing further begins until somebody decides.",
    )
    organizations = forms.MultipleChoiceField(
        label="Only these organizations", required=False, widget=forms.CheckboxSelectMultiple
    )
    tenants = forms.MultipleChoiceField(label="Only these tenants", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, organization: Organization, reached: Iterable[Tenant], data: Any = None) -> None:
        super().__init__(data)
        self.organization = organization
        tenants = list(reached)
        owners: dict[str, Organization] = {tenant.organization_id: tenant.organization for tenant in tenants}
        choices = {
            "what": [each for kind in IN_RINGS.values() for each in kind.offers(organization)],
            "organizations": [(owner.pk, owner.name) for owner in owners.values()],
            "tenants": [(tenant.pk, f"{tenant.name}, {tenant.organization.name}") for tenant in tenants],
        }
        for name, given in choices.items():
            self.fields[name].choices = given  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        """The same as the action takes it."""
        given = self.cleaned_data
        kind, arguments = chosen(self.organization, given["what"])
        return {
            "kind": kind,
            "arguments": arguments,
            "only": {name: given[name] for name in ("organizations", "tenants")},
            **{name: given[name] for name in ("when", "soak_hours", "failures_allowed")},
        }
