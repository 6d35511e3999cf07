"""Forms about access. They read what was chosen; the actions decide."""

from django import forms

from tenants.access.actions import LONGEST_PATH
from tenants.provisioning.dashboard_roles import VARIANTS


class DashboardForm(forms.Form):
    """How and where a dashboard is to open; nothing chosen is all that the role may do there, at its first page."""

    variant = forms.ChoiceField(choices=[(variant, variant) for variant in VARIANTS], required=False)
    path = forms.CharField(max_length=LONGEST_PATH, required=False)
