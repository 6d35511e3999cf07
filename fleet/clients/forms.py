"""Forms of the fleet's page: what narrows it, and the name of a view."""

from typing import Any

from django import forms

from fleet.clients.actions import SHARE
from fleet.clients.filters import FILTERS, LONGEST, SORTS, Asked
from fleet.clients.models import LONGEST_NAME, FleetView

EXAMPLES = {"version": "4.14"}


class FilterForm(forms.Form):
    """A field for each filter. It only writes an address; `filters.Asked` reads that."""

    def __init__(self, plans: list[tuple[str, str]], asked: Asked) -> None:
        super().__init__(initial=asked.filters, auto_id="filter_%s", use_required_attribute=False)
        for name, each in FILTERS.items():
            choices = plans if name == "plan" else list((each.values or {}).items())
            self.fields[name] = self._field(name, each.words, choices, asked.values.get(name, []))
        self.fields["sort"] = forms.ChoiceField(
            label="Sort by", choices=[(name, words) for name, (words, _) in SORTS.items()], initial=asked.sort
        )

    def _field(self, name: str, words: str, choices: list[tuple[str, str]], chosen: list[str]) -> forms.Field:
        if not choices:
            widget = forms.TextInput({"placeholder": EXAMPLES.get(name, ""), "maxlength": LONGEST})
            return forms.CharField(label=words, required=False, widget=widget)
        several = [(",".join(chosen), " or ".join(dict(choices).get(value, value) for value in chosen))]
        offered = [("", "Any"), *choices, *(several if len(chosen) > 1 else [])]
        return forms.ChoiceField(label=words, required=False, choices=offered)


class ViewForm(forms.Form):
    """A view's name, and whether all of the MSP have it."""

    view_name = forms.CharField(label="Name of the view", max_length=LONGEST_NAME)
    shared = forms.BooleanField(label="For everybody here", required=False)

    def __init__(self, view: FleetView | None, permissions: frozenset[str]) -> None:
        initial: dict[str, Any] = {"view_name": view.name, "shared": view.shared} if view else {}
        super().__init__(initial=initial, auto_id="view_%s")
        if SHARE not in permissions:
            del self.fields["shared"]
