"""What crosses the wire of the API about clients that are brought in."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fleet.onboarding.actions import Onboarded
from fleet.onboarding.lines import COLUMNS, LARGEST_TEXT
from fleet.onboarding.models import ClientImport, ClientImportLine
from fleet.onboarding.wanted import MOST_ADMINISTRATORS, Wanted
from organizations.addresses import LONGEST as LONGEST_ADDRESS
from organizations.external_ids import LONGEST
from organizations.models import Organization
from organizations.permissions import Role
from tenants.provisioning.specs import LONGEST_NAME


class OnboardingIn(serializers.Serializer[Any]):
    """A client with all that it begins with."""

    name = serializers.CharField(max_length=120)
    external_id = serializers.CharField(
        max_length=LONGEST, allow_blank=True, default="", help_text="what the MSP calls it, once among its clients"
    )
    jurisdiction = serializers.ChoiceField(
        choices=Organization.Jurisdiction.choices,
        default="",
        allow_blank=True,
        help_text="empty for anywhere",
    )
    template = serializers.CharField(max_length=32, allow_blank=True, default="", help_text="id; empty for none")
    tenant = serializers.CharField(
        max_length=LONGEST_NAME, allow_blank=True, default="", help_text="name of its first tenant; empty for none yet"
    )
    administrators = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_ADDRESS),
        max_length=MOST_ADMINISTRATORS,
        default=list,
        help_text="addresses of the client's own people, who are invited",
    )
    role_ceiling = serializers.ChoiceField(
        choices=Role.choices, allow_blank=True, default="", help_text="empty: as the template says, else admin"
    )

    def wanted(self) -> Wanted:
        """The same as the action takes it."""
        given = dict(self.validated_data)
        return Wanted(**{**given, "administrators": tuple(given["administrators"])})


class FirstTokenOut(serializers.Serializer[Any]):
    """The first enrollment token, with its text: the only time that it is shown."""

    id = serializers.CharField(source="token.pk")
    secret = serializers.CharField()
    expires_at = serializers.DateTimeField(source="token.expires_at")
    max_uses = serializers.IntegerField(source="token.max_uses")


class FirstPersonOut(serializers.Serializer[Any]):
    """Somebody who was invited."""

    id = serializers.CharField(source="pk")
    email = serializers.CharField()
    role = serializers.CharField()


class OnboardedOut(serializers.Serializer[Any]):
    """What was made, or would be; ids are empty where none is."""

    client = serializers.CharField(source="client.pk")
    name = serializers.CharField(source="client.name")
    role_ceiling = serializers.ChoiceField(choices=Role.choices)
    template = serializers.CharField(source="template.pk", default="")
    tenant = serializers.CharField(source="tenant.pk", default="")
    operation = serializers.CharField(source="operation.pk", default="")
    token = serializers.SerializerMethodField()
    invitations = FirstPersonOut(many=True)
    not_had = serializers.ListField(
        child=serializers.CharField(), help_text="what of the template was not to be had, and why"
    )

    @extend_schema_field(FirstTokenOut(allow_null=True))
    def get_token(self, made: Onboarded) -> dict[str, Any] | None:
        """The first enrollment token; null where no tenant was made."""
        return FirstTokenOut(made).data if made.token else None


class ClientImportIn(serializers.Serializer[Any]):
    """A file of clients."""

    csv = serializers.CharField(
        max_length=LARGEST_TEXT, trim_whitespace=False, help_text=f"a header and lines; columns: {', '.join(COLUMNS)}"
    )
    name = serializers.CharField(max_length=120, default="Clients", help_text="what people call the file")


class LineFaultOut(serializers.Serializer[Any]):
    """What is wrong with a line."""

    column = serializers.CharField(source="field", allow_blank=True, help_text="empty for the line as a whole")
    message = serializers.CharField()


class ForeseenClientOut(serializers.Serializer[Any]):
    """What would become of one line."""

    line = serializers.IntegerField(source="line.number", help_text="the header is line 1")
    external_id = serializers.CharField(source="line.wanted.external_id", allow_blank=True)
    name = serializers.CharField(source="line.wanted.name", allow_blank=True)
    is_known = serializers.BooleanField(help_text="a client has its id already: nothing is made")
    faults = LineFaultOut(source="line.faults", many=True)


class ClientImportPreview(serializers.Serializer[Any]):
    """What a file would make, line by line. Nothing was made."""

    lines = ForeseenClientOut(many=True)


class ClientImportOut(serializers.ModelSerializer[ClientImport]):
    """A file of clients, and how far it is."""

    organization = serializers.CharField(source="organization_id")

    class Meta:
        model = ClientImport
        fields = ["id", "organization", "name", "state", "created_by", "created_at", "finished_at"]
        read_only_fields = fields


class ClientImportLineOut(serializers.ModelSerializer[ClientImportLine]):
    """What became of one line."""

    line = serializers.IntegerField(source="number")
    external_id = serializers.CharField(source="wanted.external_id")
    name = serializers.CharField(source="wanted.name")
    client = serializers.CharField(source="client_id", allow_blank=True)
    tenant = serializers.CharField(source="tenant_id", allow_blank=True)

    class Meta:
        model = ClientImportLine
        fields = ["id", "line", "external_id", "name", "state", "reason", "client", "tenant", "ended_at"]
        read_only_fields = fields
