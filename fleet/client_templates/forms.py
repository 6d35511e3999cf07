"""Forms of templates and of what a client has otherwise. They read what was chosen; the actions decide."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict

from billing.queries import plans_on_offer
from controlplane.forms import told_on
from controlplane.problems import Problem
from fleet.client_templates.actions import LONGEST_NAME, LONGEST_NOTE
from fleet.client_templates.models import ClientTemplate, TemplateUse, mark_of
from fleet.client_templates.settings import SETTINGS
from organizations.permissions import Role
from tenants.protection.forms import LENGTHS
from tenants.provisioning import windows
from tenants.provisioning.forms import SLEEP_CHOICES
from tenants.provisioning.models import Tenant
from tenants.rollouts.kinds import offered_versions

NOTHING = ("", "Nothing asked for")
NONE = ("-", "None, whatever a template above leaves out")
"""A tick for an empty list, which is not the same as that nothing is asked for."""
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
    maintenance_window__minutes = forms.TypedChoiceField(label="Lasts", coerce=int, empty_value=None, required=False)
    maintenance_window__time_zone = forms.CharField(
        label="Time zone", max_length=64, required=False, help_text="Such as Europe/Berlin or UTC."
    )
    protected = forms.ChoiceField(label="Deletion protection", choices=[NOTHING, ("yes", "On")], required=False)
    sleep_after_minutes = forms.TypedChoiceField(
        label="Sleep when nobody uses it", coerce=int, empty_value=None, required=False
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
        label="Labels",
        max_length=1700,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line, such as shift=day.",
    )
    left_open = forms.MultipleChoiceField(
        label="Left open",
        choices=[(key, setting.label) for key, setting in SETTINGS.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, data: Any = None, *, settings: Mapping[str, Any], files: Sequence[str], **more: Any) -> None:
        super().__init__(data, initial={**_initial(settings), **more.pop("initial", {})}, **more)
        for name, choices in _choices(settings, files).items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        if not files:
            self.fields["content_left_out"].help_text = "You hand down no files yet."

    def clean_content_left_out(self) -> list[str] | None:
        """Names of files, none at all, or None where nothing is asked for."""
        chosen: list[str] = self.cleaned_data["content_left_out"]
        if NONE[0] not in chosen:
            return chosen or None
        if len(chosen) > 1:
            raise forms.ValidationError("Either none is left out, or some are.")
        return []

    def clean_enrollment_token__groups(self) -> list[str]:
        """Names between commas."""
        return _parts(self.cleaned_data["enrollment_token__groups"].split(","))

    def clean_enrollment_token__labels(self) -> dict[str, str]:
        """Pairs name=text, one a line."""
        pairs = [part.partition("=") for part in _parts(self.cleaned_data["enrollment_token__labels"].splitlines())]
        for name, equals, _ in pairs:
            if not equals:
                raise forms.ValidationError(f"“{name}” is no label: write name=text.")
        return {name.strip(): text.strip() for name, _, text in pairs}

    @property
    def settings(self) -> dict[str, Any]:
        """What was chosen, as the actions take it."""
        given = self.cleaned_data
        found = {key: _whole(key, given) for key in SETTINGS}
        asked = {key: value for key, value in found.items() if value not in (None, "")}
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
    """Which template a client has, what it has otherwise, and why."""

    template = forms.ChoiceField(label="Template")
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_NOTE,
        required=False,
        help_text="For what is new here. Whoever meets it later reads this beside the setting.",
    )
    based_on = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, templates: Iterable[ClientTemplate], use: TemplateUse | None, **more: Any) -> None:
        chosen = {"based_on": mark_of(use), **({"template": use.template_id} if use else {})}
        super().__init__(*args, settings=use.exceptions if use else {}, initial=chosen, **more)
        self.fields["template"].choices = [(each.pk, each.name) for each in templates]  # type: ignore[attr-defined]

    def base_on(self, use: TemplateUse | None) -> None:
        """Once somebody was told what stands there now, saving again puts theirs in its place."""
        self.data = MultiValueDict(self.data)
        self.data["based_on"] = mark_of(use)


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


def _choices(settings: Mapping[str, Any], files: Sequence[str]) -> dict[str, list[tuple[Any, str]]]:
    """What can be chosen of each setting, with what is asked for now, although nobody offers that any more."""
    left_out = settings.get("content_left_out") or ()
    window = settings.get("maintenance_window") or {}
    sleeps = [(minutes or 0, words) for minutes, words in SLEEP_CHOICES]
    plans = [(plan.code, plan.name) for plan in plans_on_offer()]
    versions = [(each, each) for each in offered_versions()]
    return {
        "maintenance_window__minutes": [NOTHING, *_with(LENGTHS, window.get("minutes"), lambda own: f"{own} minutes")],
        "sleep_after_minutes": [NOTHING, *_of("sleep_after_minutes", sleeps, settings)],
        "version": [NOTHING, *_of("version", versions, settings)],
        "plan": [NOTHING, *_of("plan", plans, settings)],
        "content_left_out": [NONE, *((each, each) for each in dict.fromkeys([*files, *left_out]))],
    }


def _of(key: str, offered: Sequence[tuple[Any, str]], settings: Mapping[str, Any]) -> list[tuple[Any, str]]:
    return _with(offered, settings.get(key), SETTINGS[key].told)


def _with(offered: Sequence[tuple[Any, str]], own: Any, words: Callable[[Any], str]) -> list[tuple[Any, str]]:
    return [*offered, *([] if own is None or own in dict(offered) else [(own, words(own))])]


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
            found[key] = "yes" if key == "protected" else [NONE[0]] if value == [] else value
    return found


def _shown(value: Any) -> Any:
    """As a field has it: labels one a line; days are boxes to tick, and stay a list."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={text}" for name, text in value.items())
    return value


def _parts(texts: Iterable[str]) -> list[str]:
    return [part for part in (each.strip() for each in texts) if part]
