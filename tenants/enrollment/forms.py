"""Forms about agents and what let them in. They read what was typed; the actions decide."""

from django import forms

from tenants.enrollment.limits import LONGEST_REASON


class QuarantineForm(forms.Form):
    """Why an agent, or all of a token, are cut off."""

    reason = forms.CharField(label="Why", max_length=LONGEST_REASON)
