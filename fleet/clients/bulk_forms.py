"""The form of what is done with many tenants. It reads what was chosen; the actions decide."""

from typing import Any

from django import forms

from tenants.protection.forms import WindowForm
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import IN_WINDOW, NOW
from tenants.rollouts.bulk import AT_ONCE, SET_RING, SET_WINDOW
from tenants.rollouts.planning import MOST_AT_ONCE

TITLES = {name: kind.words for name, kind in AT_ONCE.items()}


class BulkForm(forms.Form):
    """What to do, when, and with which ring; a window has a form of its own (`window`)."""

    what = forms.ChoiceField(label="What", choices=list(TITLES.items()))
    when = forms.ChoiceField(
        label="When", choices=[(NOW, "Now"), (IN_WINDOW, "In each tenant's maintenance window")], required=False
    )
    ring = forms.ChoiceField(label="Ring", choices=Tenant.Ring.choices, required=False)

    def __init__(self, given: Any) -> None:
        super().__init__({"when": NOW, "ring": Tenant.Ring.GENERAL, **given.dict()}, auto_id="bulk_%s")
        what = given.get("what", "")
        kind = AT_ONCE.get(what)
        if kind is None or not kind.can_wait:
            del self.fields["when"]
        if what != SET_RING:
            del self.fields["ring"]
        self.window = WindowForm(given if "start" in given else None) if what == SET_WINDOW else None
        self.tenants = list(dict.fromkeys(given.getlist("tenants")))[: MOST_AT_ONCE + 1]

    @property
    def is_whole(self) -> bool:
        """Whether everything is said that the kind needs."""
        return self.is_valid() and (self.window is None or (self.window.is_bound and self.window.is_valid()))

    def arguments(self) -> dict[str, Any]:
        """What the kind needs besides the tenants."""
        if self.window is not None:
            return {"maintenance_window": self.window.cleaned_data}
        return {"ring": self.cleaned_data["ring"]} if "ring" in self.fields else {}
