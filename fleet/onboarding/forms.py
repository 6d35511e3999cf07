"""Forms by which clients are brought in. They read what was typed; the actions decide."""

from collections.abc import Iterable
from typing import Any

from django import forms

from fleet.client_templates.models import ClientTemplate
from fleet.onboarding.lines import LARGEST_TEXT
from fleet.onboarding.wanted import Wanted
from organizations.external_ids import LONGEST
from organizations.forms import PlaceForm
from organizations.permissions import Role
from tenants.provisioning.specs import LONGEST_NAME


class ClientForm(PlaceForm):
    """A new client with all that it begins with."""

    name = forms.CharField(label="Name of the client", max_length=120, help_text="As people there call themselves.")
    external_id = forms.CharField(
        label="Your id for them",
        max_length=LONGEST,
        required=False,
        help_text="What your own tools call them. The API finds the client by it; the client does not see it.",
    )
    template = forms.ChoiceField(label="Template", required=False, help_text="What its tenants are to be.")
    tenant = forms.CharField(
        label="First tenant",
        max_length=LONGEST_NAME,
        required=False,
        help_text="Such as “Production”. It starts at once, with an enrollment token. Left empty, none is made yet.",
    )
    administrators = forms.CharField(
        label="The client's own people",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="E-mail addresses, one a line. They are invited as those who decide there; none of your own people.",
    )
    role_ceiling = forms.ChoiceField(
        label="Your people's access at most",
        choices=[("", "As the template says, else admin"), *Role.choices],
        required=False,
        help_text="You set everything up now; afterwards your people can do no more than this there.",
    )

    def __init__(self, data: Any = None, *, templates: Iterable[ClientTemplate], **more: Any) -> None:
        super().__init__(data, **more)
        named = [(each.pk, each.name) for each in templates]
        self.fields["template"].choices = [("", "No template"), *named]  # type: ignore[attr-defined]

    def wanted(self) -> Wanted:
        """The same as the action takes it."""
        given = dict(self.cleaned_data)
        lines = given.pop("administrators").replace(",", "\n").splitlines()
        return Wanted(**given, administrators=tuple(filter(None, map(str.strip, lines))))


class ImportForm(forms.Form):
    """A file of clients, or its text."""

    file = forms.FileField(label="The file", required=False)
    csv = forms.CharField(
        label="Or its lines",
        required=False,
        max_length=LARGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        strip=False,
    )
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The text, and what the file is called."""
        data = super().clean() or {}
        file = data.get("file")
        if file is None:
            if not (data.get("csv") or "").strip():
                raise forms.ValidationError("Choose a file, or paste its lines.")
            return data
        if file.size > LARGEST_TEXT:
            raise forms.ValidationError(f"A file has at most {LARGEST_TEXT // 1024} KiB. Nothing was made.")
        try:
            return {"csv": file.read().decode("utf-8"), "name": file.name}
        except UnicodeDecodeError as error:
            raise forms.ValidationError("This file is not in UTF-8. Save it as “CSV UTF-8” and try again.") from error
