"""What agents are searched by, live; pages and API read their parameters by this form."""

from django import forms

from tenants.agents.search import LONGEST

STATUS = {
    "active": "Connected",
    "disconnected": "Silent",
    "never_connected": "Never connected",
    "pending": "Pending",
}


def _text(label: str, placeholder: str = "") -> forms.CharField:
    widget = forms.TextInput({"placeholder": placeholder})
    return forms.CharField(required=False, max_length=LONGEST, label=label, widget=widget)


class LiveSearch(forms.Form):
    """Agents by what their tenant object knows of them, and which tenants are asked."""

    name = _text("Name")
    number = _text("Agent id", "001")
    ip = _text("Address", "10.0.")
    version = _text("Version", "4.14")
    group = _text("Group")
    status = forms.ChoiceField(required=False, label="State", choices=[("", "Any"), *STATUS.items()])
    client = _text("Client", "Name or id")
    tenant = _text("Tenant", "Name or id")

    @property
    def asks(self) -> bool:
        """Whether anything is searched for."""
        return any(self.data.get(name) for name in self.base_fields)
