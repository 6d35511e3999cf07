"""Forms of templates and of what a client has otherwise. They read what was chosen; the actions decide."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django import forms

from billing.queries import plans_on_offer
from controlplane.forms import told_on
from controlplane.problems import Problem
from fleet.client_templates.actions import LONGEST_NAME, LONGEST_NOTE
from fleet.client_templates.models import ClientTemplate
from fleet.client_templates.settings import SETTINGS
from organizations.permissions import Role
from tenants.protection.forms import LENGTHS
from tenants.provisioning import windows
from tenants.provisioning.forms import SLEEP_CHOICES
from tenants.provisioning.models import Tenant
from tenants.rollouts.kinds import offered_versions

NOTHING = ("", "Nothing asked for")
PART = "__"
"""Stands between a setting and a part of it in the name of a field."""
WINDOW = ("days", "start", "minutes", "time_zone")
BACKUPS = ("every_hours", "at_utc", "keep")
TOKEN = ("expires_in_days", "max_uses", "groups", "labels")
COMPOUND = {"maintenance_window": WINDOW, "backups": BACKUPS, "enrollment_token": TOKEN}


class SettingsForm(forms.Form):
    """Every setting, each with nothing asked for unless something is chosen."""

    ring = forms.ChoiceField(label="Ring", choices=[NOTHING, *Tenant.Ring.choices], required=False)
    maintenance_window__days = forms.MultipleChoiceField(
        label="Days",
        choices=list(zip(windows.DAYS, windows.NAMES, strict=True)),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    maintenance_window__start = forms.CharField(
        label="Begins at", max_length=5, required=False, help_text="Such as 02:00."
    )
    maintenance_window__minutes = forms.TypedChoiceField(
        label="Lasts", choices=[NOTHING, *LENGTHS], coerce=int, empty_value=None, required=False
    )
    maintenance_window__time_zone = forms.CharField(
        label="Time zone", max_length=64, required=False, help_text="Such as Europe/Berlin or UTC."
    )
    protected = forms.ChoiceField(label="Deletion protection", choices=[NOTHING, ("yes", "On")], required=False)
    sleep_after_minutes = forms.TypedChoiceField(
        label="Sleep when nobody uses it",
        choices=[NOTHING, *((minutes or 0, words) for minutes, words in SLEEP_CHOICES)],
        coerce=int,
        empty_value=None,
        required=False,
    )
    backups__every_hours = forms.IntegerField(label="Every", required=False, help_text="Hours, 6 to 168.")
    backups__at_utc = forms.CharField(label="At", max_length=5, required=False, help_text="UTC, such as 02:30.")
    backups__keep = forms.IntegerField(label="Keep", required=False, help_text="Backups, 1 to 90.")
    version = forms.ChoiceField(label="Version of Wazuh", required=False)
    plan = forms.ChoiceField(label="Plan and sizes", required=False)
    content_left_out = forms.MultipleChoiceField(
        label="Content of yours left out", widget=forms.CheckboxSelectMultiple, required=False
    )
    retention_days = forms.IntegerField(label="Days that can be searched", required=False)
    archive_days = forms.IntegerField(label="Days in the archive", required=False)
    role_ceiling = forms.ChoiceField(
        label="Your people's access at most", choices=[NOTHING, *Role.choices], required=False
    )
    enrollment_token__expires_in_days = forms.IntegerField(label="Works for", required=False, help_text="Days.")
    enrollment_token__max_uses = forms.IntegerField(label="How many machines", required=False)
    enrollment_token__groups = forms.CharField(
        label="Groups", max_length=400, required=False, help_text="With commas between."
    )
    enrollment_token__labels = forms.CharField(
        label="Labels", max_length=1200, required=False, help_text="Such as shift=day, owner=logistics."
    )
    left_open = forms.MultipleChoiceField(
        label="Left open",
        choices=[(key, setting.label) for key, setting in SETTINGS.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any], files: Sequence[str], **more: Any) -> None:
        super().__init__(data, initial={**_initial(settings), **more.pop("initial", {})}, **more)
        plans = [(plan.code, plan.name) for plan in plans_on_offer()]
        offered = {
            "version": [NOTHING, *((each, each) for each in _with(offered_versions(), settings.get("version")))],
            "plan": [NOTHING, *plans],
            "content_left_out": [(each, each) for each in _with(files, *(settings.get("content_left_out") or ()))],
        }
        for name, choices in offered.items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_enrollment_token__groups(self) -> list[str]:
        """Names between commas."""
        return _parts(self.cleaned_data["enrollment_token__groups"])

    def clean_enrollment_token__labels(self) -> dict[str, str]:
        """Pairs name=text between commas."""
        pairs = [part.partition("=") for part in _parts(self.cleaned_data["enrollment_token__labels"])]
        for name, equals, _ in pairs:
            if not equals:
                raise forms.ValidationError(f"“{name}” is no label: write name=text.")
        return {name.strip(): text.strip() for name, _, text in pairs}

    @property
    def settings(self) -> dict[str, Any]:
        """What was chosen, as the actions take it."""
        given = self.cleaned_data
        found = {key: _whole(key, given) for key in SETTINGS}
        asked = {key: value for key, value in found.items() if value not in (None, "", [], {})}
        return {**asked, **dict.fromkeys(given["left_open"])}

    @property
    def single(self) -> list[tuple[forms.BoundField, str]]:
        """The settings that are one field each, with what is to be known of each."""
        return [(self[key], setting.note) for key, setting in SETTINGS.items() if key in self.fields]

    @property
    def compound(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The settings of several fields: label, what is to be known, and the fields."""
        return [
            (SETTINGS[key].label, SETTINGS[key].note, [self[f"{key}{PART}{part}"] for part in parts])
            for key, parts in COMPOUND.items()
        ]


class TemplateForm(SettingsForm):
    """A template: its name, from which it inherits, and what it asks for."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="Such as “Small offices”.")
    parent = forms.ChoiceField(
        label="Inherits from", required=False, help_text="What is asked for nothing here comes from there."
    )
    note = forms.CharField(label="What changes, and why", max_length=LONGEST_NOTE, required=False)
    based_on = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, templates: Sequence[ClientTemplate], template: ClientTemplate | None, **more: Any
    ) -> None:
        settings: Mapping[str, Any] = template.settings if template else {}
        chosen: dict[str, Any] = {}
        if template is not None:
            chosen = {"parent": template.parent_id or "", "name": template.name, "based_on": template.number}
        super().__init__(*args, settings=settings, initial={**more.pop("initial", {}), **chosen}, **more)
        others = [(each.pk, each.name) for each in templates if template is None or each.pk != template.pk]
        self.fields["parent"].choices = [("", "No other"), *others]  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        """The same as the actions take it."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "parent": given["parent"] or None,
            "note": given["note"],
            "settings": self.settings,
        }


class OverrideForm(SettingsForm):
    """What a client has otherwise than its template, and why."""

    reason = forms.CharField(
        label="Why", max_length=LONGEST_NOTE, help_text="Whoever meets this later reads it beside the setting."
    )


@contextmanager
def told_on_settings(form: SettingsForm) -> Iterator[None]:
    """As `told_on`, for fields that are named after settings and their parts."""
    with told_on(form):
        try:
            yield
        except Problem as problem:
            problem.errors = tuple(replace(each, field=_field(form, each.field)) for each in problem.errors)
            raise


def _field(form: SettingsForm, path: str) -> str:
    name = path.removeprefix("settings.").replace(".", PART)
    return name if name in form.fields else f"{name}{PART}{COMPOUND[name][0]}" if name in COMPOUND else path


def _whole(key: str, given: Mapping[str, Any]) -> Any:
    if key == "protected":
        return True if given[key] else None
    if key not in COMPOUND:
        return given.get(key)
    parts = {part: given.get(f"{key}{PART}{part}") for part in COMPOUND[key]}
    chosen = {part: value for part, value in parts.items() if value not in (None, "", [], {})}
    return chosen or None


def _initial(settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"left_open": [key for key, value in settings.items() if value is None]}
    for key, value in settings.items():
        if value is not None and key in COMPOUND:
            found |= {f"{key}{PART}{part}": _shown(value.get(part)) for part in COMPOUND[key]}
            if "groups" in value:
                found[f"{key}{PART}groups"] = ", ".join(value["groups"])
        elif value is not None:
            found[key] = "yes" if key == "protected" else value
    return found


def _shown(value: Any) -> Any:
    """As a field of one line has it; days are boxes to tick, and stay a list."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    return value


def _parts(text: str) -> list[str]:
    return [part for part in (each.strip() for each in text.split(",")) if part]


def _with(offered: Sequence[str], *kept: str | None) -> list[str]:
    """What is offered, and what was chosen once."""
    return list(dict.fromkeys([*offered, *(each for each in kept if each)]))
