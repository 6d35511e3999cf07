"""Forms of sign-in and sign-up. What they hold is judged by the actions; here only the form of it."""

import re
from typing import Any

from django import forms

from organizations.actions.founding import LONGEST_NAME
from organizations.models import Organization
from organizations.sso.models import LONGEST_ADDRESS
from organizations.sso.saml import metadata
from organizations.sso.saml.metadata import LIMIT_CHARACTERS, IdpMetadata

_CONNECTION = re.compile(r"\bconn_[a-z2-7]{20}\b")


class PlaceForm(forms.Form):
    """Where a new organization's tenants run and keep their data."""

    jurisdiction = forms.ChoiceField(
        label="Where its data lie",
        choices=Organization.Jurisdiction.choices,
        required=False,
        help_text="Its tenants run and keep their data there and nowhere else. This can't be changed later.",
    )


class FoundForm(PlaceForm):
    """The new organization's name, and whether it manages others."""

    name = forms.CharField(label="Organization name", min_length=2, max_length=LONGEST_NAME)
    kind = forms.ChoiceField(label="Kind", choices=Organization.Kind.choices, initial=Organization.Kind.ORGANIZATION)


class MetadataForm(forms.Form):
    """A SAML identity provider's metadata: an address, pasted XML or a file."""

    ways: tuple[str, ...] = ("metadata_url", "metadata_xml", "metadata_file")

    metadata_url = forms.CharField(label="Metadata address", required=False, max_length=LONGEST_ADDRESS)
    metadata_xml = forms.CharField(
        label="Metadata XML", required=False, max_length=LIMIT_CHARACTERS, widget=forms.Textarea
    )
    metadata_file = forms.FileField(label="Metadata file", required=False)

    def clean(self) -> dict[str, Any]:
        """Exactly one way of giving the metadata."""
        given = super().clean() or {}
        ways = [way for way in self.ways if given.get(way)]
        if len(ways) != 1:
            message = "Give the metadata in one way: its address, the XML itself, or a file."
            self.add_error(ways[-1] if ways else "metadata_url", message)
        return given

    @property
    def address(self) -> str:
        """Where the metadata is to be read; empty where they were given themselves."""
        return str(self.cleaned_data["metadata_url"]).strip()

    def read(self) -> IdpMetadata:
        """The identity provider they describe, fetched where an address was given. Raises Invalid naming the field."""
        if self.address:
            return metadata.fetch(self.address)
        file = self.cleaned_data.get("metadata_file")
        if file is not None:
            return metadata.parse(bytes(file.read(LIMIT_CHARACTERS + 1)), field="metadata_file")
        return metadata.parse(str(self.cleaned_data["metadata_xml"]).encode())


class SamlSignUpForm(FoundForm, MetadataForm):
    """A new organization with its identity provider."""


class AddressForm(forms.Form):
    """A work e-mail address, or the sign-in address that an organization hands its people."""

    address = forms.CharField(label="Work e-mail or sign-in address", max_length=300)

    def clean_address(self) -> str:
        """What was typed, if it can be either. Whether there is such a person or connection is not said here."""
        address = str(self.cleaned_data["address"]).strip()
        if "@" not in address and _CONNECTION.search(address) is None:
            raise forms.ValidationError(
                "Give your work e-mail, or the sign-in address that your administrator gave you."
            )
        return address

    @property
    def connection_id(self) -> str:
        """The connection inside a sign-in address; empty for an e-mail address."""
        found = _CONNECTION.search(self.cleaned_data["address"])
        return found.group() if found else ""
