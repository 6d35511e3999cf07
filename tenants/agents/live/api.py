"""Searching the agents of many tenants as they are now, by API."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ApiView
from controlplane.problems import FieldError, Malformed
from controlplane.rls import reading_as
from organizations import queries as organizations
from tenants.agents.live.asking import Found, ask, tenants_to_ask
from tenants.agents.live.forms import STATUS, LiveSearch


class LiveAgentOut(serializers.Serializer[Any]):
    """One agent as its tenant object told it now."""

    tenant = serializers.CharField()
    tenant_name = serializers.CharField()
    organization = serializers.CharField()
    number = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=list(STATUS))
    version = serializers.CharField(allow_null=True)
    ip = serializers.CharField(allow_null=True)
    groups = serializers.ListField(child=serializers.CharField())
    last_seen_at = serializers.DateTimeField(allow_null=True)
    quarantined = serializers.BooleanField()

    def to_representation(self, instance: Found) -> dict[str, Any]:
        """An agent of `asking.ask`."""
        agent, tenant = instance.agent, instance.tenant
        told = {name: agent.get(name) for name in ("name", "status", "version", "ip", "groups", "quarantined")}
        where = {"tenant": tenant.pk, "tenant_name": tenant.name, "organization": tenant.organization_id}
        return {**where, "number": str(agent["id"]), **told, "last_seen_at": agent.get("last_seen_at")}


class MissingOut(serializers.Serializer[Any]):
    """A tenant of which not everything is known, and why."""

    tenant = serializers.CharField(source="tenant.pk")
    tenant_name = serializers.CharField(source="tenant.name")
    why = serializers.CharField()


class LiveAgentsOut(serializers.Serializer[Any]):
    """What was found, and of which tenants not everything is known."""

    agents = LiveAgentOut(many=True, source="found")
    asked = serializers.IntegerField(help_text="How many tenants were asked")
    missing = MissingOut(many=True)
    cut = serializers.BooleanField(help_text="Whether there are more agents than are told")


PARAMETERS = [
    OpenApiParameter("name", str, description="A part of the agent’s name"),
    OpenApiParameter("number", str, description="The agent’s id in its tenant"),
    OpenApiParameter("ip", str, description="A part of its address"),
    OpenApiParameter("version", str, description="How its version begins"),
    OpenApiParameter("group", str, description="A group that it is in"),
    OpenApiParameter("status", str, enum=list(STATUS), description="Its state"),
    OpenApiParameter("client", str, description="Only tenants of this organization: its id, or a part of its name"),
    OpenApiParameter("tenant", str, description="Only this tenant: its id, or a part of its name"),
]


class LiveAgents(ApiView):
    """Agents of many tenants as they are now."""

    calls_out = True

    @extend_schema(
        operation_id="organizations_agents_live", parameters=PARAMETERS, responses=LiveAgentsOut, filters=False
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """
        Ask the tenants of an organization, and of an MSP's clients, for their agents as they are at this moment.

        Up to 200 tenants are asked at once. Which of them did not answer in time, or whose manager did not, is named.
        """
        form = LiveSearch(request.query_params)
        if not form.is_valid():
            faults = [FieldError(name, str(words)) for name, errors in form.errors.items() for words in errors]
            raise Malformed(faults[0].message, errors=faults)
        with reading_as(self.actor.rls_actor):
            organization = organizations.find(self.actor, organization_id)
            tenants = tenants_to_ask(self.actor, organization, form.cleaned_data)
        return Response(LiveAgentsOut(ask(tenants, form.cleaned_data)).data)
