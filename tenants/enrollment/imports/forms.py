"""The form for agents that exist already."""

from typing import Any

from django import forms

from tenants.enrollment.imports.serializers import LONGEST_TEXT


class ImportForm(forms.Form):
    """Lines of a client.keys, typed or as the file itself."""

    client_keys = forms.CharField(
        label="Lines of client.keys",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Number, name, address and key, as the manager's etc/client.keys has them.",
    )
    file = forms.FileField(label="Or the file itself", required=False)

    def clean(self) -> dict[str, Any]:
        """What was typed, and what is in the file, as one text."""
        data = super().clean() or {}
        file = data.get("file")
        if file is not None and file.size > LONGEST_TEXT:
            raise forms.ValidationError("This file is too large for 500 lines. Nothing was imported.")
        more = file.read().decode("utf-8", "replace") if file else ""
        return {"client_keys": f"{data.get('client_keys') or ''}\n{more}"}
