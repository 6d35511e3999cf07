"""What an organization demands of whoever enters, by API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.actor import Actor
from controlplane.api.views import valid
from controlplane.problems import Invalid
from organizations.access import require
from organizations.actions import security
from organizations.api import InOrganization
from organizations.models import Connection, Organization
from organizations.security.entering import LONGEST_LIST
from organizations.sso.second_factor import LONGEST_VALUE, MOST_VALUES, TRUST, trust_of


class TrustField(serializers.Serializer[Any]):
    """Whether sign-ins by a connection count as a second factor: never, always, or where the answer says a value."""

    id = serializers.CharField(max_length=32, help_text="The connection")
    second_factor = serializers.ChoiceField(choices=TRUST)
    values = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_VALUE),
        max_length=MOST_VALUES,
        default=list,
        help_text="Of amr, acr or AuthnContextClassRef; needed with `said`",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Values belong to `said`, and it needs one."""
        if (attrs["second_factor"] == "said") != bool(attrs["values"]):
            raise serializers.ValidationError({"values": "Name values with `said`, and only with it."})
        return attrs


class SecurityIn(serializers.Serializer[Any]):
    """What is to be demanded; what is left out stays as it is. Limits in minutes, null for the platform's 12 hours."""

    require_second_factor = serializers.BooleanField(required=False)
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=LONGEST_LIST,
        required=False,
        help_text="CIDR ranges; an empty list is anywhere",
    )
    idle_minutes = serializers.IntegerField(
        min_value=security.SHORTEST_MINUTES["idle_minutes"],
        max_value=security.LONGEST_MINUTES,
        allow_null=True,
        required=False,
    )
    session_minutes = serializers.IntegerField(
        min_value=security.SHORTEST_MINUTES["session_minutes"],
        max_value=security.LONGEST_MINUTES,
        allow_null=True,
        required=False,
    )
    connections = TrustField(many=True, required=False)


class SecurityOut(serializers.Serializer[Any]):
    """What is demanded of whoever enters. `your_address` is where this request came from."""

    require_second_factor = serializers.BooleanField()
    allowed_networks = serializers.ListField(child=serializers.CharField())
    idle_minutes = serializers.IntegerField(allow_null=True)
    session_minutes = serializers.IntegerField(allow_null=True)
    signed_out_at = serializers.DateTimeField(allow_null=True)
    connections = TrustField(many=True)
    your_address = serializers.CharField()


class Security(InOrganization):
    """What an organization demands of whoever enters."""

    tagged = frozenset(SecurityOut().fields) - {"your_address"}

    @extend_schema(operation_id="organizations_security_retrieve", responses=SecurityOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read what is demanded."""
        organization = self.organization()
        require(self.actor, security.PERMISSION, organization)
        return Response(_shown(self.actor, organization))

    @extend_schema(operation_id="organizations_security_update", request=SecurityIn, responses=SecurityOut)
    def patch(self, request: Request, organization_id: str) -> Response:
        """Change what is demanded. What would shut the caller out is refused."""
        organization, given = self.organization(), valid(SecurityIn, request)
        trusts = given.pop("connections", [])
        changed = security.change(by=self.actor, organization=organization, **given)
        for number, trust in enumerate(trusts):
            _trust(self.actor, organization, number, trust)
        return Response(_shown(self.actor, changed))


class SignOut(InOrganization):
    """The end of everybody's sessions here."""

    @extend_schema(operation_id="organizations_security_sign_out", request=None, responses={204: None})
    def post(self, request: Request, organization_id: str) -> Response:
        """Have everybody prove anew who they are, and close what is open at the edge. API keys stay good."""
        security.sign_everybody_out(by=self.actor, organization=self.organization())
        return Response(status=204)


def _trust(by: Actor, organization: Organization, number: int, trust: dict[str, Any]) -> None:
    if not Connection.objects.filter(organization=organization, pk=trust["id"]).exists():
        raise Invalid("This is none of the organization's connections.", field=f"connections.{number}.id")
    security.trust_second_factor(
        by=by,
        organization=organization,
        connection_id=trust["id"],
        trusted=trust["second_factor"] != "never",
        values=trust["values"],
    )


def _shown(actor: Actor, organization: Organization) -> dict[str, Any]:
    names = ("require_second_factor", "allowed_networks", "idle_minutes", "session_minutes", "signed_out_at")
    trusts = [
        {
            "id": one.pk,
            "second_factor": trust_of(one),
            "values": one.second_factor_values,
        }
        for one in Connection.objects.filter(organization=organization)
    ]
    facts = {name: getattr(organization, name) for name in names}
    return dict(SecurityOut({**facts, "connections": trusts, "your_address": actor.address}).data)
