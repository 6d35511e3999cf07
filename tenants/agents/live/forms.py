"""What agents are searched by, live; pages and API read their parameters by this form."""

from django import forms

from tenants.agents.search import text_field

STATUS = {
    "active": "Connected",
    "disconnected": "Silent",
    "never_connected": "Never connected",
    "pending": "Pending",
}


class LiveSearch(forms.Form):
    """Agents by what their tenant object knows of them, and which tenants are asked."""

    name = text_field("Name")
    number = text_field("Agent id", "001")
    ip = text_field("Address", "10.0.")
    version = text_field("Version", "4.14")
    group = text_field("Group")
    status = forms.ChoiceField(required=False, label="State", choices=[("", "Any"), *STATUS.items()])
    client = text_field("Client", "Name or id")
    tenant = text_field("Tenant", "Name or id")

    @property
    def asks(self) -> bool:
        """Whether anything is searched for."""
        return any(self.data.get(name) for name in self.base_fields)
