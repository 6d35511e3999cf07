"""Forms of a tenant's settings. They read what was typed or chosen; the actions decide."""

from typing import Any

from django import forms

from tenants.provisioning.forms import SLEEP_CHOICES


class DeleteForm(forms.Form):
    """The tenant's name, typed. Whether it is the right one is the action's to say."""

    confirm_name = forms.CharField(label="Name of the tenant", max_length=80, strip=True)
    confirm_name.widget.attrs["autocomplete"] = "off"


class SleepForm(forms.Form):
    """After how long without use a tenant sleeps. A time that was set by API is one of the choices as well."""

    sleep_after_minutes = forms.TypedChoiceField(
        label="Sleep when nobody uses it", coerce=int, empty_value=None, required=False
    )

    def __init__(self, *args: Any, minutes: int | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["sleep_after_minutes"].initial = minutes or ""
        own = [] if (minutes or "") in dict(SLEEP_CHOICES) else [(minutes, f"After {minutes} minutes")]
        self.fields["sleep_after_minutes"].choices = [*SLEEP_CHOICES, *own]  # type: ignore[attr-defined]
