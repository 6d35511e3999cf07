"""Forms about agents. They read what was typed; the actions decide."""

from collections.abc import Callable
from typing import Any

from django import forms

from controlplane.actor import Actor
from tenants.agents import actions
from tenants.agents.models import AgentOrder
from tenants.provisioning.models import Tenant


class OrderForm(forms.Form):
    """What is to be done with the chosen agents."""

    kind = forms.ChoiceField(label="Do", choices=AgentOrder.Kind.choices)
    groups = forms.CharField(
        label="Groups", required=False, max_length=2200, help_text="To set groups: all of them, with commas between."
    )
    version = forms.CharField(
        label="Version", required=False, max_length=16, help_text="To upgrade: empty for the manager's own."
    )

    def clean_groups(self) -> list[str]:
        """Names between commas."""
        return [part for part in (text.strip() for text in self.cleaned_data["groups"].split(",")) if part]

    def given(self, by: Actor, tenant: Tenant, agents: list[str]) -> AgentOrder:
        """The order that a valid form stands for, given."""
        return order(by, tenant, agents=agents, **self.cleaned_data)


def order(by: Actor, tenant: Tenant, *, kind: str, agents: list[str], groups: list[str], version: str) -> AgentOrder:
    """Give an order of a kind, with what that kind takes."""
    ways: dict[str, Callable[..., AgentOrder]] = {
        "groups": lambda **more: actions.set_groups(groups=groups, **more),
        "upgrade": lambda **more: actions.upgrade(version=version, **more),
        "restart": actions.restart,
        "remove": actions.remove,
    }
    given: dict[str, Any] = {"by": by, "tenant": tenant, "agents": agents}
    return ways[kind](**given)
