"""Forms of an organization's identity providers. They read what was typed; the actions decide."""

from typing import Any

from django import forms
from django.core import signing

from organizations.forms import MetadataForm
from organizations.models import Organization
from organizations.sso.models import LONGEST_ISSUER, new_connection_id

LONGEST_NAME = 120
RESERVED_SECONDS = 24 * 3600
_SECRET = forms.PasswordInput(attrs={"autocomplete": "off"})


class PolicyForm(forms.Form):
    """How members must sign in."""

    policy = forms.ChoiceField(label="Policy", choices=Organization.SignInPolicy.choices)


class OidcForm(forms.Form):
    """
    What an OpenID provider's administrator hands over.

    `reserved` is the id that the connection will have, signed: its redirect address is shown before there is a
    connection, because most providers want it before they give a client id.
    """

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="What your people call it.")
    issuer = forms.CharField(
        label="Issuer",
        max_length=LONGEST_ISSUER,
        help_text="An address such as https://login.example.com. We read its discovery document once, now.",
    )
    client_id = forms.CharField(label="Client id", max_length=255)
    client_secret = forms.CharField(label="Client secret", max_length=512, strip=False, widget=_SECRET)
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


class SamlForm(MetadataForm):
    """A SAML provider by its metadata."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME, help_text="What your people call it.")


class SecretForm(forms.Form):
    """A new client secret of an OpenID provider."""

    client_secret = forms.CharField(label="New client secret", max_length=512, strip=False, widget=_SECRET)
