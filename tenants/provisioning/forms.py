"""Forms about a tenant's life. They read what was typed; the actions decide."""

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.models import Plan


class CreateForm(forms.Form):
    """A new tenant: its name, under which plan, in which version."""

    name = forms.CharField(
        label="Name", max_length=80, help_text="What people call it, such as “Production” or “Warehouses”."
    )
    plan = forms.ChoiceField(label="Plan", widget=forms.RadioSelect)
    version = forms.ChoiceField(label="Wazuh version")

    def __init__(self, *args: Any, plans: Sequence[Plan], versions: Sequence[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["plan"].choices = [(plan.code, plan.name) for plan in plans]  # type: ignore[attr-defined]
        self.fields["version"].choices = [(version, version) for version in versions]  # type: ignore[attr-defined]
