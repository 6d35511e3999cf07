"""Forms of an organization's settings pages. They read what was typed; the actions decide."""

import datetime as dt
import re
from typing import Any

from django import forms

from organizations.permission_words import PERMISSION_WORDS
from organizations.permissions import Role

KEY_LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"))


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


class KeyForm(forms.Form):
    """What a new API key is called, may do, and when it ends. There is no key without an end."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="Say where it is used, such as “Ticket system, production”."
    )
    expires_in = forms.ChoiceField(
        label="Works for", choices=KEY_LIFETIMES, initial="90", widget=forms.RadioSelect(attrs={"class": ""})
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox checkbox-primary"})
    )

    def __init__(self, *args: Any, permissions: frozenset[str], **more: Any) -> None:
        super().__init__(*args, **more)
        offered = [(name, words) for name, words in PERMISSION_WORDS.items() if name in permissions]
        self.fields["scopes"].choices = offered  # type: ignore[attr-defined]

    @property
    def lifetime(self) -> dt.timedelta:
        """How long the key is to work."""
        return dt.timedelta(days=int(self.cleaned_data["expires_in"]))


class RoleForm(forms.Form):
    """What a role of the organization's own is called, and what it allows."""

    name = forms.CharField(label="Name", max_length=60)
    description = forms.CharField(
        label="Description", max_length=300, required=False, help_text="What it is for, so that others give it rightly."
    )
    permissions = forms.MultipleChoiceField(
        choices=[(key, words) for key, words in PERMISSION_WORDS.items()],
        error_messages={"required": "Tick at least one thing that the role may do."},
    )
