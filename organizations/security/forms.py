"""Forms of the page on which an organization says what it demands. They read what was typed; the actions decide."""

from typing import Any

from django import forms

from organizations.actions.security import LONGEST_MINUTES, SHORTEST_MINUTES
from organizations.models import Connection, Organization
from organizations.sso.second_factor import TRUST, USUAL, trust_of

TRUST_WORDS = {
    "never": "No: members show a factor of their own here",
    "always": "Yes: it asks for one at every sign-in",
    "said": "Only where its answer says so",
}

LIMITED = "{} to {}. Empty: 12 hours, as everywhere."


class EntryForm(forms.Form):
    """What everybody who enters has to show."""

    require_second_factor = forms.BooleanField(
        label="Everybody shows a second factor",
        required=False,
        help_text="A passkey, an app's code, or a provider of yours that asks for one. Who has none is led to set one "
        "up. API keys are not asked.",
    )
    allowed_networks = forms.CharField(
        label="Only from these networks",
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"spellcheck": "false", "placeholder": "192.0.2.0/24\n2001:db8::/32"}),
        help_text="One a line; none is anywhere. They bind people and API keys.",
    )
    idle_minutes = forms.IntegerField(
        label="Sign in anew after a pause of so many minutes",
        required=False,
        min_value=SHORTEST_MINUTES["idle_minutes"],
        max_value=LONGEST_MINUTES,
        help_text=LIMITED.format(SHORTEST_MINUTES["idle_minutes"], LONGEST_MINUTES),
    )
    session_minutes = forms.IntegerField(
        label="Sign in anew in any case after so many minutes",
        required=False,
        min_value=SHORTEST_MINUTES["session_minutes"],
        max_value=LONGEST_MINUTES,
        help_text=LIMITED.format(SHORTEST_MINUTES["session_minutes"], LONGEST_MINUTES),
    )

    @classmethod
    def of(cls, organization: Organization, data: Any = None) -> "EntryForm":
        """The form with what holds now."""
        initial = {name: getattr(organization, name) for name in cls.base_fields}
        return cls(data, initial={**initial, "allowed_networks": "\n".join(organization.allowed_networks)})

    def wanted(self) -> dict[str, Any]:
        """The arguments of `actions.security.change`."""
        return {**self.cleaned_data, "allowed_networks": self.cleaned_data["allowed_networks"].splitlines()}


class TrustForm(forms.Form):
    """Whether sign-ins by one connection count as a second factor."""

    trust = forms.ChoiceField(
        choices=[(trust, TRUST_WORDS[trust]) for trust in TRUST],
        widget=forms.RadioSelect(attrs={"class": "radio radio-primary"}),
    )
    values = forms.CharField(
        label="Values that say so",
        required=False,
        max_length=6000,
        widget=forms.Textarea(attrs={"spellcheck": "false"}),
        help_text="One a line, for the last choice. A test sign-in shows what the provider sends.",
    )

    @classmethod
    def of(cls, connection: Connection, data: Any = None) -> "TrustForm":
        """The form with what holds now, or with the usual values where there are none yet."""
        values = connection.second_factor_values or USUAL[connection.kind]
        initial = {"trust": trust_of(connection), "values": "\n".join(values)}
        return cls(data, initial=initial, auto_id=f"{connection.pk}_%s")

    def clean(self) -> dict[str, Any]:
        """Without a value, no answer could say so, and every sign-in would count."""
        given = super().clean() or {}
        if given.get("trust") == "said" and not given.get("values", "").strip():
            self.add_error("values", "Name at least one value.")
        return given

    def wanted(self) -> dict[str, Any]:
        """The arguments of `actions.security.trust_second_factor`."""
        trust = self.cleaned_data["trust"]
        values = self.cleaned_data["values"].splitlines() if trust == "said" else []
        return {"trusted": trust != "never", "values": values}
