"""What crosses the wire about an organization's identity providers. Secrets go in and never come out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from organizations.domain_names.dns import record_name, record_text
from organizations.models import Connection, Domain, Organization, SignInTest
from organizations.permissions import ROLE_HELP
from organizations.sso.claims import LONGEST_CLAIM
from organizations.sso.group_roles import LONGEST_GROUP
from organizations.sso.models import LONGEST_ADDRESS, LONGEST_ISSUER, NO_ACCESS
from organizations.sso.oidc.provider import redirect_address
from organizations.sso.outlook import Fate
from organizations.sso.saml import service_provider
from organizations.sso.saml.certificates import fingerprint, parsed
from organizations.sso.saml.metadata import LIMIT_CHARACTERS

NEEDED: dict[str, tuple[str, ...]] = {
    Connection.Kind.OIDC: ("issuer", "client_id", "client_secret"),
    Connection.Kind.SAML: (),
}
METADATA = ("metadata_url", "metadata_xml")
TYPED = ("entity_id", "sign_in_url", "certificate")


class CertificateOut(serializers.Serializer[Any]):
    """A signing certificate that is accepted."""

    fingerprint = serializers.CharField(help_text="SHA-256, hexadecimal")
    ends_at = serializers.DateTimeField()
    certificate = serializers.CharField(help_text="Base64 of DER")


class RuleField(serializers.Serializer[Any]):
    """A row of the table of roles."""

    group = serializers.CharField(max_length=LONGEST_GROUP)
    role = serializers.CharField(max_length=32, help_text=ROLE_HELP)


class MappingField(serializers.Serializer[Any]):
    """Which claim is what. Without one the usual names count."""

    email = serializers.CharField(max_length=LONGEST_CLAIM, required=False, allow_blank=True)
    name = serializers.CharField(max_length=LONGEST_CLAIM, required=False, allow_blank=True)
    groups = serializers.CharField(max_length=LONGEST_CLAIM, required=False, allow_blank=True)


class ConnectionOut(serializers.ModelSerializer[Connection]):
    """An identity provider, with what it has to know of us."""

    redirect_uri = serializers.SerializerMethodField(help_text="OpenID Connect: register it at the provider")
    acs_url = serializers.SerializerMethodField(help_text="SAML: where the provider posts its answers")
    entity_id = serializers.SerializerMethodField(help_text="SAML: our name towards the provider")
    certificates = serializers.SerializerMethodField(help_text="SAML: the provider's, each accepted")
    own_certificates = serializers.SerializerMethodField(help_text="SAML: ours; the second is the next one")
    mapping = MappingField()
    role_rules = RuleField(many=True)

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
            "certificates",
            "certificates_end_at",
            "signs_requests",
            "own_certificates",
            "scopes",
            "mapping",
            "role_rules",
            "default_role",
            "just_in_time",
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

    @extend_schema_field(CertificateOut(many=True))
    def get_certificates(self, connection: Connection) -> list[dict[str, Any]]:
        """The provider's."""
        return [_certificate(text) for text in connection.certificates]

    @extend_schema_field(CertificateOut(many=True))
    def get_own_certificates(self, connection: Connection) -> list[dict[str, Any]]:
        """Ours."""
        own = (connection.request_certificate, connection.next_request_certificate)
        return [_certificate(text) for text in own if text and connection.signs_requests]


def _certificate(text: str) -> dict[str, Any]:
    ends = parsed(text).not_valid_after_utc.isoformat().replace("+00:00", "Z")
    return {"fingerprint": fingerprint(text), "ends_at": ends, "certificate": text}


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
    """
    An identity provider to be added.

    OpenID Connect by issuer and client; SAML by metadata, or by entity id, sign-in address and certificate.
    """

    kind = serializers.ChoiceField(choices=Connection.Kind.choices)
    name = serializers.CharField(max_length=120)
    issuer = serializers.CharField(max_length=LONGEST_ISSUER, required=False)
    client_id = serializers.CharField(max_length=255, required=False)
    client_secret = serializers.CharField(max_length=512, required=False, write_only=True, trim_whitespace=False)
    scopes = serializers.CharField(max_length=255, required=False, allow_blank=True)
    entity_id = serializers.CharField(max_length=LONGEST_ISSUER, required=False)
    sign_in_url = serializers.CharField(max_length=LONGEST_ADDRESS, required=False)
    certificate = serializers.CharField(max_length=20_000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Everything that the kind needs."""
        given = super().validate(attrs)
        missing = [name for name in NEEDED[given["kind"]] if name not in given]
        if given["kind"] == Connection.Kind.SAML:
            missing = _missing_of_saml(given)
        if missing:
            raise serializers.ValidationError(dict.fromkeys(missing, "This kind of connection needs it."))
        return given


def _missing_of_saml(given: dict[str, Any]) -> list[str]:
    typed = [name for name in TYPED if name in given]
    if any(name in given for name in METADATA):
        if typed:
            raise serializers.ValidationError({typed[0]: "Give the metadata, or these fields, not both."})
        return []
    return [name for name in TYPED if name not in given] if typed else ["metadata_url"]


class ConnectionChange(_WithMetadata):
    """
    What is to be another way about a connection; what is left out stays as it is.

    `mapping` and `role_rules` are replaced as a whole. The former client secret is tried as well until the new one has
    worked.
    """

    name = serializers.CharField(max_length=120, required=False)
    scopes = serializers.CharField(max_length=255, required=False, allow_blank=True)
    signs_requests = serializers.BooleanField(required=False)
    mapping = MappingField(required=False)
    role_rules = RuleField(many=True, required=False)
    default_role = serializers.CharField(max_length=32, required=False, help_text=f"{ROLE_HELP}, or {NO_ACCESS}")
    just_in_time = serializers.BooleanField(required=False)

    state = serializers.ChoiceField(choices=["enabled", "disabled"], required=False)
    client_secret = serializers.CharField(max_length=512, required=False, write_only=True, trim_whitespace=False)


class CertificateIn(serializers.Serializer[Any]):
    """A further signing certificate of a SAML provider, as PEM or base64 of DER."""

    certificate = serializers.CharField(max_length=20_000)


class WouldOut(serializers.Serializer[Any]):
    """What somebody would get: the same decision as at a real sign-in."""

    fate = serializers.ChoiceField(choices=[(fate.value, fate.value) for fate in Fate])
    role = serializers.CharField(allow_null=True)
    group = serializers.CharField(help_text="The group that gives the role; empty for the default")
    kept = serializers.BooleanField(help_text="An owner who stays one in spite of the groups")


class SignInTestOut(serializers.ModelSerializer[SignInTest]):
    """The last test sign-in: what the provider sent, and what it would come to."""

    email = serializers.CharField()
    name = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    claims = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    would = WouldOut(allow_null=True)

    class Meta:
        model = SignInTest
        fields = ["id", "outcome", "code", "reason", "created_at", "ended_at", "uid", "email", "name", "groups"]
        fields += ["claims", "would"]
        read_only_fields = fields


class DomainOut(serializers.ModelSerializer[Domain]):
    """A claimed domain, with the TXT record that proves it."""

    record_name = serializers.SerializerMethodField(help_text="Where the TXT record has to stand")
    record_text = serializers.SerializerMethodField(help_text="What it has to say")
    connection = serializers.CharField(source="connection_id", allow_null=True)

    class Meta:
        model = Domain
        fields = ["id", "name", "state", "record_name", "record_text", "connection", "enforced", "created_at"]
        fields += ["join_requests", "proven_at", "missing_since", "looked_at", "looked_words", "next_look_at"]
        read_only_fields = fields

    def get_record_name(self, domain: Domain) -> str:
        """The name."""
        return record_name(domain.name)

    def get_record_text(self, domain: Domain) -> str:
        """The text."""
        return record_text(domain.proof)


class DomainIn(serializers.Serializer[Any]):
    """A domain to be claimed."""

    name = serializers.CharField(max_length=255)


class DomainChange(serializers.Serializer[Any]):
    """
    Which connection people of the domain are led to (null for none), and whether members must use it.

    `join_requests` lets people who have proven such an address ask to join.
    """

    connection = serializers.CharField(max_length=32, required=False, allow_null=True)
    enforced = serializers.BooleanField(required=False)
    join_requests = serializers.BooleanField(required=False)


class PolicyIn(serializers.Serializer[Any]):
    """
    How members must sign in: `any`, or `connection` for the organization's own identity provider only.

    `break_glass` is the membership of the owner whom the platform's sign-in lets in all the same, or null for nobody.
    """

    sign_in_policy = serializers.ChoiceField(choices=Organization.SignInPolicy.choices, required=False)
    break_glass = serializers.CharField(max_length=32, required=False, allow_null=True)
