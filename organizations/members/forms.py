"""The form by which people are invited. It reads what was typed; the actions decide."""

import re
from typing import Any

from django import forms

from organizations.permissions import Role


class InviteForm(forms.Form):
    """Who is invited, one address a line, and as what."""

    kept = ""
    emails = forms.CharField(
        label="Work e-mail addresses",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One on each line.",
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["role"].choices = roles  # type: ignore[attr-defined]

    def clean_emails(self) -> list[str]:
        """Each line, comma or semicolon begins another; of “Ann <ann@acme.example>” the address counts."""
        parts = (part.strip() for part in re.split(r"[\n,;]", self.cleaned_data["emails"]))
        found = [inner[1].strip() if (inner := re.search(r"<([^<>]*)>$", part)) else part for part in parts if part]
        if not found:
            raise forms.ValidationError("Write at least one address.")
        return found

    def keep(self, refused: list[tuple[str, str]], *, words: str) -> None:
        """
        Leaves in the field what could not be invited, and says why for each.

        Args: words: what became of the others.
        """
        self.kept = words
        self.data = {**self.data.dict(), "emails": "\n".join(line for line, _ in refused)}  # type: ignore[attr-defined]
        for line, why in refused:
            self.add_error("emails", why if why.startswith(line) else f"{line[:80]}: {why}")
