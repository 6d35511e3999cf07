"""What crosses the wire about an organization's identity providers. Secrets go in and never come out."""

from typing import Any

from rest_framework import serializers

from organizations.models import Connection, Organization
from organizations.sso.models import LONGEST_ADDRESS, LONGEST_ISSUER
from organizations.sso.oidc.provider import redirect_address
from organizations.sso.saml import service_provider
from organizations.sso.saml.metadata import LIMIT_CHARACTERS

NEEDED = {
    Connection.Kind.OIDC: ("issuer", "client_id", "client_secret"),
    Connection.Kind.SAML: (),
}
METADATA = ("metadata_url", "metadata_xml")


class ConnectionOut(serializers.ModelSerializer[Connection]):
    """An identity provider, with what it has to know of us."""

    redirect_uri = serializers.SerializerMethodField(help_text="OpenID Connect: register it at the provider")
    acs_url = serializers.SerializerMethodField(help_text="SAML: where the provider posts its answers")
    entity_id = serializers.SerializerMethodField(help_text="SAML: our name towards the provider")

    class Meta:
        model = Connection
        fields = [
            "id",
            "kind",
            "name",
            "state",
            "issuer",
            "source_url",
            "sign_in_url",
            "client_id",
            "redirect_uri",
            "acs_url",
            "entity_id",
            "created_at",
            "proven_at",
        ]
        read_only_fields = fields

    def get_redirect_uri(self, connection: Connection) -> str | None:
        """Of an OpenID provider."""
        return redirect_address(connection.pk) if connection.kind == Connection.Kind.OIDC else None

    def get_acs_url(self, connection: Connection) -> str | None:
        """Of a SAML provider."""
        return service_provider.acs_url(connection) if connection.kind == Connection.Kind.SAML else None

    def get_entity_id(self, connection: Connection) -> str | None:
        """Of a SAML provider."""
        return service_provider.entity_id(connection) if connection.kind == Connection.Kind.SAML else None


class _WithMetadata(serializers.Serializer[Any]):
    """SAML metadata, given in one way."""

    metadata_url = serializers.CharField(max_length=LONGEST_ADDRESS, required=False)
    metadata_xml = serializers.CharField(max_length=LIMIT_CHARACTERS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An address or the XML itself, never both."""
        if all(name in attrs for name in METADATA):
            raise serializers.ValidationError({"metadata_url": "Give the metadata's address or the XML, not both."})
        return attrs


class ConnectionIn(_WithMetadata):
    """An identity provider to be added: OpenID Connect by issuer and client, SAML by metadata."""

    kind = serializers.ChoiceField(choices=Connection.Kind.choices)
    name = serializers.CharField(max_length=120)
    issuer = serializers.CharField(max_length=LONGEST_ISSUER, required=False)
    client_id = serializers.CharField(max_length=255, required=False)
    client_secret = serializers.CharField(max_length=512, required=False, write_only=True, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Everything that the kind needs."""
        given = super().validate(attrs)
        missing = [name for name in NEEDED[given["kind"]] if name not in given]
        if given["kind"] == Connection.Kind.SAML and not any(name in given for name in METADATA):
            missing = ["metadata_url"]
        if missing:
            raise serializers.ValidationError(dict.fromkeys(missing, "This kind of connection needs it."))
        return given


class ConnectionChange(_WithMetadata):
    """A new secret or new metadata of the same provider, or whether it is switched on."""

    state = serializers.ChoiceField(choices=Connection.State.choices, required=False)
    client_secret = serializers.CharField(max_length=512, required=False, write_only=True, trim_whitespace=False)


class PolicyIn(serializers.Serializer[Any]):
    """How members must sign in: `any`, or `connection` for the organization's own identity provider only."""

    sign_in_policy = serializers.ChoiceField(choices=Organization.SignInPolicy.choices)
