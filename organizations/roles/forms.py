"""The form for a role."""

from django import forms

from organizations.models.role import LONGEST_DESCRIPTION, LONGEST_NAME
from organizations.roles.words import PERMISSION_WORDS


class RoleForm(forms.Form):
    """What a role of the organization's own is called, and what it allows."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME)
    description = forms.CharField(
        label="Description",
        max_length=LONGEST_DESCRIPTION,
        required=False,
        help_text="What it is for, so that others give it rightly.",
    )
    permissions = forms.MultipleChoiceField(
        choices=[(key, words) for key, words in PERMISSION_WORDS.items()],
        error_messages={"required": "Tick at least one thing that the role may do."},
    )
