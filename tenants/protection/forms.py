"""Forms of a tenant's settings. They read what was typed or chosen; the actions decide."""

from typing import Any

from django import forms

from controlplane.problems import Invalid
from tenants.provisioning import backup_schedules, specs, windows
from tenants.provisioning.forms import SLEEP_CHOICES
from tenants.provisioning.models import Tenant


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


class BackupScheduleForm(forms.Form):
    """How often a tenant backs itself up, and how many of these are kept."""

    every_hours = forms.IntegerField(label="Every", help_text="Hours, 6 to 168: a day has 24, a week 168.")
    at_utc = forms.CharField(
        label="At", max_length=5, required=False, help_text="UTC, such as 02:30; a week's is made on Sunday."
    )
    keep = forms.IntegerField(label="Keep", help_text="Backups, 1 to 90.")

    def __init__(self, data: Any = None, *, most_days: int, tenant: Tenant | None = None) -> None:
        chosen = tenant.backup_schedule if tenant else None
        super().__init__(data, initial=chosen or {"every_hours": 24, "keep": 7})
        self.most_days = most_days

    def clean(self) -> dict[str, Any]:
        """A schedule is judged as everywhere; its faults stand at their fields."""
        chosen = {**(super().clean() or {})}
        chosen["at_utc"] = chosen.get("at_utc") or None
        for fault in backup_schedules.faults(chosen, most_days=self.most_days):
            name = fault.field.rpartition(".")[2]
            if name not in self.errors:
                self.add_error(name, fault.message)
        return chosen


class RestoreForm(forms.Form):
    """The tenant's name, typed, before a backup takes the place of what is there."""

    confirm_name = forms.CharField(label="Name of the tenant", max_length=specs.LONGEST_NAME, strip=True)
    confirm_name.widget.attrs["autocomplete"] = "off"


class CloneForm(forms.Form):
    """Another tenant out of a backup: its name, and its version where the cell offers several."""

    name = forms.CharField(label="Name of the new tenant", max_length=specs.LONGEST_NAME)
    version = forms.ChoiceField(label="Wazuh version")

    def __init__(self, *args: Any, tenant: Tenant, **more: Any) -> None:
        super().__init__(*args, **more)
        own = tenant.spec["version"]
        offered = list(dict.fromkeys([own, *tenant.cell.versions]))
        self.fields["version"].choices = [(each, each) for each in offered]  # type: ignore[attr-defined]
        self.fields["version"].initial = own


WINDOW_OFFERED = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}
"""What the form shows before anything was chosen."""

LENGTHS = [(30, "30 minutes"), (60, "1 hour"), (120, "2 hours"), (240, "4 hours"), (480, "8 hours"), (1440, "1 day")]


class WindowForm(forms.Form):
    """When a tenant's nodes may restart."""

    days = forms.MultipleChoiceField(
        label="Days", choices=list(zip(windows.DAYS, windows.NAMES, strict=True)), widget=forms.CheckboxSelectMultiple
    )
    start = forms.CharField(label="Begins at", max_length=5, help_text="Such as 02:00.")
    minutes = forms.TypedChoiceField(label="Lasts", choices=LENGTHS, coerce=int)
    time_zone = forms.CharField(label="Time zone", max_length=64, help_text="Such as Europe/Berlin or UTC.")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        minutes = (self.initial or {}).get("minutes")
        own = [] if minutes is None or minutes in dict(LENGTHS) else [(minutes, f"{minutes} minutes")]
        self.fields["minutes"].choices = [*LENGTHS, *own]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A window is judged as everywhere; its faults stand at their fields."""
        chosen: dict[str, Any] = super().clean() or {}
        try:
            windows.Window.read(chosen)
        except Invalid as problem:
            for fault in problem.errors:
                name = fault.field.rpartition(".")[2]
                if name not in self.errors:
                    self.add_error(name, fault.message)
        return chosen
