"""Forms of destinations and routes. They read what was written; the actions decide."""

from collections.abc import Iterable
from typing import Any

from django import forms

from fleet.alerts.models import Alert
from fleet.alerts.severity import Severity
from fleet.routing.actions import LONGEST_NAME
from fleet.routing.kinds import KINDS, Field
from fleet.routing.models import Destination
from organizations.models import Organization


class DestinationForm(forms.Form):
    """A destination of one kind."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="As routes and the log call it.")

    def __init__(self, kind: str, data: Any = None) -> None:
        super().__init__(data)
        self.kind = kind
        for name, field in KINDS[kind].settings.items():
            self.fields[name] = _field(field)
        secret = KINDS[kind].secret
        if secret is not None:
            self.fields["secret"] = _field(secret, widget=forms.PasswordInput({"autocomplete": "off"}))

    def asked(self) -> dict[str, Any]:
        """The same as the action takes it."""
        given = dict(self.cleaned_data)
        return {"kind": self.kind, "name": given.pop("name"), "secret": given.pop("secret", ""), "settings": given}


class RouteForm(forms.Form):
    """Which alerts are told to which destination."""

    destination = forms.ChoiceField(label="Tell")
    severity = forms.ChoiceField(label="From", choices=[*Severity.choices], initial="high")
    kinds = forms.MultipleChoiceField(
        label="Only these kinds", required=False, choices=[*Alert.Kind.choices], widget=forms.CheckboxSelectMultiple
    )
    clients = forms.MultipleChoiceField(label="Only these clients", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, destinations: Iterable[Destination], around: Iterable[Organization], data: Any = None) -> None:
        super().__init__(data)
        self.fields["destination"].choices = [(each.pk, each.name) for each in destinations]  # type: ignore[attr-defined]
        self.fields["clients"].choices = [(each.pk, each.name) for each in around]  # type: ignore[attr-defined]


def _field(field: Field, **more: Any) -> forms.Field:
    terms: dict[str, Any] = {"label": field.label, "help_text": field.help, **more}
    if field.choices:
        return forms.ChoiceField(choices=[(each, each.upper()) for each in field.choices], **terms)
    return forms.CharField(max_length=field.longest, **terms)
