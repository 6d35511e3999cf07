"""Forms about access. They read what was chosen; the actions decide."""

from django import forms

from tenants.provisioning.dashboard_roles import VARIANTS


class DashboardForm(forms.Form):
    """How a dashboard is to open; nothing chosen is all that the role may do there."""

    variant = forms.ChoiceField(choices=[(variant, variant) for variant in VARIANTS], required=False)
