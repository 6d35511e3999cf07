"""Forms of an organization's identity providers. They read what was typed; the actions decide."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core import signing

from organizations.forms import MetadataForm
from organizations.models import Connection, Organization
from organizations.permissions import Role
from organizations.sso.claims import LONGEST_CLAIM, PURPOSES, USUAL
from organizations.sso.group_roles import LONGEST_GROUP, MOST_RULES
from organizations.sso.models import LONGEST_ADDRESS, LONGEST_ISSUER, NO_ACCESS, new_connection_id
from organizations.sso.saml import metadata
from organizations.sso.saml.metadata import IdpMetadata

LONGEST_NAME = 120

type Choices = Sequence[tuple[str, str]]

RESERVED_SECONDS = 24 * 3600
_SECRET = forms.PasswordInput(attrs={"autocomplete": "off"})


class PolicyForm(forms.Form):
    """How members must sign in."""

    policy = forms.ChoiceField(label="Policy", choices=Organization.SignInPolicy.choices)


class _ReservingForm(forms.Form):
    """
    A form whose page tells our addresses for a connection before there is one: most providers want them first.

    `reserved` is the id that the connection will have, signed.
    """

    reserved = forms.CharField(widget=forms.HiddenInput, max_length=200)

    def __init__(self, *args: Any, organization: Organization, **more: Any) -> None:
        super().__init__(*args, **more)
        self._salt = f"connection of {organization.pk}"
        self.connection_id = self._reserved() or new_connection_id()
        self.initial["reserved"] = signing.dumps(self.connection_id, salt=self._salt)

    def clean_reserved(self) -> str:
        """Our own signature on it, or nobody could be kept from choosing ids."""
        if not self._reserved():
            raise forms.ValidationError("This page was open for too long. Load it again.")
        return self.connection_id

    def _reserved(self) -> str:
        try:
            return str(signing.loads(self.data.get("reserved", ""), salt=self._salt, max_age=RESERVED_SECONDS))
        except signing.BadSignature:
            return ""


class OidcForm(_ReservingForm):
    """What an OpenID provider's administrator hands over."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="What your people call it.")
    issuer = forms.CharField(
        label="Issuer",
        max_length=LONGEST_ISSUER,
        help_text="An address such as https://login.example.com. We read its discovery document once, now.",
    )
    client_id = forms.CharField(label="Client id", max_length=255)
    client_secret = forms.CharField(label="Client secret", max_length=512, strip=False, widget=_SECRET)
    scopes = forms.CharField(
        label="Further scopes",
        required=False,
        max_length=255,
        help_text="Between spaces. Okta sends groups only when asked for the scope “groups”.",
    )


class SamlForm(_ReservingForm, MetadataForm):
    """A SAML provider by its metadata, or by its three facts typed in."""

    ways = (*MetadataForm.ways, "entity_id")

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="What your people call it.")
    entity_id = forms.CharField(label="Its entity id", required=False, max_length=LONGEST_ISSUER)
    sign_in_url = forms.CharField(label="Its sign-in address", required=False, max_length=LONGEST_ADDRESS)
    certificate = forms.CharField(
        label="Its signing certificate", required=False, max_length=20_000, widget=forms.Textarea
    )

    def read(self) -> IdpMetadata:
        """The provider as it was given, in whatever way."""
        given = self.cleaned_data
        if not given["entity_id"]:
            return super().read()
        typed = {name: given[name] for name in ("entity_id", "sign_in_url", "certificate")}
        return metadata.typed(**typed)


class CertificateForm(forms.Form):
    """A further signing certificate of a SAML provider."""

    certificate = forms.CharField(
        label="Next certificate",
        max_length=20_000,
        widget=forms.Textarea,
        help_text="As PEM or base64. Both are accepted until you remove the old one.",
    )


class DomainForm(forms.Form):
    """A domain to be claimed."""

    name = forms.CharField(label="Domain", max_length=255, widget=forms.TextInput(attrs={"placeholder": "example.com"}))


class MappingForm(forms.Form):
    """Which claim is what, and the role of those whom no row of the table names."""

    email_claim = forms.CharField(label="E-mail", required=False, max_length=LONGEST_CLAIM)
    name_claim = forms.CharField(label="Name", required=False, max_length=LONGEST_CLAIM)
    groups_claim = forms.CharField(label="Groups", required=False, max_length=LONGEST_CLAIM)
    default_role = forms.ChoiceField(label="Everybody else")

    def __init__(self, *args: Any, kind: str, roles: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["default_role"].choices = [*roles, (NO_ACCESS, "No access")]  # type: ignore[attr-defined]
        for purpose in PURPOSES:
            self.fields[f"{purpose}_claim"].widget.attrs["placeholder"] = USUAL[kind][purpose][0]

    @property
    def meant(self) -> dict[str, Any]:
        """What an action takes of it."""
        by_purpose = {purpose: self.cleaned_data[f"{purpose}_claim"] for purpose in PURPOSES}
        return {"mapping": by_purpose, "default_role": self.cleaned_data["default_role"]}


def mapping_fields(connection: Connection) -> dict[str, str]:
    """What the form shows of a connection as it is."""
    claims = {f"{purpose}_claim": connection.mapping.get(purpose, "") for purpose in PURPOSES}
    return {**claims, "default_role": connection.default_role}


class RuleForm(forms.Form):
    """One row of the table: a group and its role. Without a group it is no row."""

    group = forms.CharField(required=False, max_length=LONGEST_GROUP)
    role = forms.ChoiceField(required=False, initial=Role.VIEWER)

    def __init__(self, *args: Any, roles: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["role"].choices = roles  # type: ignore[attr-defined]


_RuleFormSet = forms.formset_factory(RuleForm, can_order=True, extra=2, max_num=MOST_RULES, validate_max=True)


def rule_forms(connection: Connection, roles: Choices, data: Any = None) -> Any:
    """The table as a set of forms, with two empty rows to fill in."""
    return _RuleFormSet(data, initial=connection.role_rules, prefix="rules", form_kwargs={"roles": roles})


def rules_of(table: Any) -> list[dict[str, str]]:
    """The rows that were filled in, in the order that their numbers say."""
    return [
        {"group": row.cleaned_data["group"].strip(), "role": row.cleaned_data.get("role", "")}
        for row in table.ordered_forms
        if row.cleaned_data.get("group", "").strip()
    ]


class SecretForm(forms.Form):
    """A new client secret of an OpenID provider."""

    client_secret = forms.CharField(label="New client secret", max_length=512, strip=False, widget=_SECRET)
