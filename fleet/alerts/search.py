"""What the inbox can be narrowed by; pages and API read their parameters by this form."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from fleet.alerts.models import Alert
from fleet.alerts.queries import shown
from fleet.alerts.severity import Severity
from tenants.agents.search import text_field

TO_DO, ALL = "", "all"
STATES = {TO_DO: "To do", **dict(Alert.State.choices), ALL: "All"}
ME = "me"
NOBODY = "nobody"


class AlertSearch(forms.Form):
    """A search in the inbox; without a state it finds what is yet to be done, without `suppressed` what is shown."""

    state = forms.ChoiceField(required=False, label="State", choices=[*STATES.items()])
    severity = forms.ChoiceField(required=False, label="Severity", choices=[("", "Any"), *Severity.choices])
    kind = forms.ChoiceField(required=False, label="Kind", choices=[("", "Any"), *Alert.Kind.choices])
    client = text_field("Client or organization", "Name or id")
    tenant = text_field("Tenant", "Name or id")
    text = text_field("Words", "In title, rule or agent")
    technique = text_field("ATT&CK technique", "T1110")
    tactic = text_field("ATT&CK tactic", "Credential Access")
    agent = text_field("Agent", "Name or id")
    assignee = text_field("Assigned to", "me, nobody or an id")
    suppressed = forms.ChoiceField(
        required=False, label="Suppressed", choices=[("", "Hidden"), ("only", "Only these"), ("too", "Shown too")]
    )

    def __init__(self, given: Any) -> None:
        super().__init__(given, auto_id="search_%s", use_required_attribute=False)

    @property
    def given(self) -> dict[str, str]:
        """What was asked for, as the address holds it."""
        return {name: self.data[name] for name in self.base_fields if self.data.get(name)}

    def address(self, **other: str) -> str:
        """The search as a query string, with some of its parts given another value; empty where nothing narrows it."""
        return urlencode({name: value for name, value in {**self.given, **other}.items() if value})


CONDITIONS = {
    "severity": lambda value: Q(severity=value),
    "kind": lambda value: Q(kind=value),
    "client": lambda text: Q(organization=text) | Q(organization__name__icontains=text),
    "tenant": lambda text: Q(tenant=text) | Q(tenant__name__icontains=text),
    "text": lambda text: Q(title__icontains=text) | Q(rule_id=text) | Q(agent_name__icontains=text),
    # Looked for as JSON writes a list, where ATT&CK's own names stand as they are; T1110 finds T1110.001 too.
    "technique": lambda text: Q(techniques_text__icontains=f'"{text}'),
    "tactic": lambda text: Q(tactics_text__icontains=f'"{text}'),
    "agent": lambda text: Q(agent_id=text) | Q(agent_name__icontains=text),
}
SUPPRESSED = {"": shown, "only": lambda: ~shown(), "too": Q}


def narrowed(alerts: QuerySet[Alert], form: AlertSearch, *, me: str) -> QuerySet[Alert]:
    """The alerts that a valid search stands for. Args: me: whom `me` names as assignee."""
    asked = {name: value.strip() for name, value in form.cleaned_data.items()}
    rows = alerts.alias(techniques_text=Cast("techniques", TextField()), tactics_text=Cast("tactics", TextField()))
    for name, condition in CONDITIONS.items():
        if asked[name]:
            rows = rows.filter(condition(asked[name]))
    if asked["assignee"]:
        rows = rows.filter(assignee={ME: me, NOBODY: ""}.get(asked["assignee"], asked["assignee"]))
    if asked["state"] == TO_DO:
        rows = rows.filter(state__in=Alert.TO_DO)
    elif asked["state"] != ALL:
        rows = rows.filter(state=asked["state"])
    return rows.filter(SUPPRESSED[asked["suppressed"]]())
