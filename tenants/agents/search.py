"""What an inventory of agents can be narrowed by; pages, API and files read their parameters by these forms."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from organizations.trail.search import MomentField
from tenants.enrollment.models import Agent

LONGEST = 128
STATE_WORDS = {
    "active": "Connected",
    "silent": "Silent",
    "never": "Never connected",
    "quarantined": "Quarantined",
}


def text_field(label: str, placeholder: str = "") -> forms.CharField:
    """A field of a search: a part of a word."""
    widget = forms.TextInput({"placeholder": placeholder})
    return forms.CharField(required=False, max_length=LONGEST, label=label, widget=widget)


class AgentSearch(forms.Form):
    """A search in one tenant."""

    name = text_field("Name")
    state = forms.ChoiceField(required=False, label="State", choices=[("", "Any"), *STATE_WORDS.items()])
    version = text_field("Version", "4.14")
    group = text_field("Group")
    token = text_field("Token of origin", "Name or id")
    silent_since = MomentField(label="Not heard since")

    def __init__(self, given: Any) -> None:
        super().__init__(given, auto_id="search_%s", use_required_attribute=False)
        if not given.get("silent_since") or len(given["silent_since"]) == len("2026-01-01"):
            self.fields["silent_since"].widget.input_type = "date"

    @property
    def given(self) -> dict[str, str]:
        """What was asked for, as the address holds it."""
        return {name: self.data[name] for name in self.base_fields if self.data.get(name)}

    def address(self, *, without: str = "") -> str:
        """The search as a query string, without one of its parts if asked; empty where nothing narrows it."""
        return urlencode({name: value for name, value in self.given.items() if name != without})


class InventorySearch(AgentSearch):
    """A search in all tenants that somebody sees."""

    organization = text_field("Organization", "Name or id")
    tenant = text_field("Tenant", "Name or id")


CONDITIONS = {
    "name": lambda text: Q(name__icontains=text),
    "state": lambda state: Agent.STATES[state],
    "version": lambda text: Q(version__istartswith=text.removeprefix("v")),
    # names of groups hold nothing that JSON would write in another way
    "group": lambda group: Q(groups_text__contains=f'"{group}"'),
    "token": lambda text: Q(token=text) | Q(token__name__icontains=text),
    "silent_since": lambda moment: ~Q(status="active") & Q(last_seen_at__lt=moment),
    "organization": lambda text: Q(organization=text) | Q(organization__name__icontains=text),
    "tenant": lambda text: Q(tenant=text) | Q(tenant__name__icontains=text),
}


def narrowed(agents: QuerySet[Agent], form: AgentSearch, *, without: str = "") -> QuerySet[Agent]:
    """The agents that a valid search, or all of it but one part, stands for."""
    rows = agents.alias(groups_text=Cast("groups", TextField()))
    for name, value in form.cleaned_data.items():
        if value and name != without:
            rows = rows.filter(CONDITIONS[name](value.strip() if isinstance(value, str) else value))
    return rows
