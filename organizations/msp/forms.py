"""Forms about an MSP's access: what it asks for, and what a client allows."""

from typing import Any

from django import forms

from organizations.models.access_request import LONGEST_REASON
from organizations.permissions import Role

STANDING = ""
LASTING = (
    (STANDING, "Until it is withdrawn"),
    ("1", "1 day"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
)


class TermsForm(forms.Form):
    """Up to which role, and for how long."""

    role_ceiling = forms.ChoiceField(label="At most the role of", choices=Role.choices, initial=Role.OPERATOR)
    days = forms.ChoiceField(label="For", choices=LASTING, initial=STANDING, required=False)

    def clean_days(self) -> int | None:
        """None for access that stands."""
        return int(self.cleaned_data["days"]) if self.cleaned_data["days"] else None


class AllowForm(TermsForm):
    """What a client allows, in an emergency too."""

    emergency_ceiling = forms.ChoiceField(
        label="In an emergency", choices=(("", "No more than that"), *Role.choices), required=False
    )


class AskForm(TermsForm):
    """An MSP's request for access."""

    email = forms.EmailField(
        label="E-mail of an owner",
        max_length=254,
        required=False,
        help_text="We mail them the code. Leave it empty to hand the code over yourself.",
    )
    reason = forms.CharField(label="What for", max_length=LONGEST_REASON, required=False)


class CodeForm(forms.Form):
    """The code of a request."""

    code = forms.CharField(label="Code", max_length=120)


def terms_of(form: TermsForm) -> dict[str, Any]:
    """What an action takes of a form that is valid."""
    names = ("role_ceiling", "days", "emergency_ceiling")
    return {name: form.cleaned_data[name] for name in names if name in form.fields}
