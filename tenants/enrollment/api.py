"""Agents and refusals by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from tenants.enrollment import actions, queries
from tenants.enrollment.serializers import AgentOut, QuarantineIn, RefusalOut
from tenants.enrollment.tokens.filters import REFUSED
from tenants.provisioning.api import TenantView


class Quarantine(TenantView):
    """Cutting an agent off."""

    @extend_schema(operation_id="tenants_agents_quarantine", request=QuarantineIn, responses={202: AgentOut})
    def post(self, request: Request, tenant_id: str, number: str) -> Response:
        """Close an agent's connections and refuse its credential from now on."""
        agent = queries.agent(self.actor, self.tenant(tenant_id), number)
        given = valid(QuarantineIn, request)
        return Response(AgentOut(actions.quarantine(by=self.actor, agent=agent, **given)).data, status=202)


class Refusals(TenantView, ListView):
    """Enrollments that the edge refused."""

    @extend_schema(
        operation_id="tenants_refusals_list",
        parameters=REFUSED.described(),
        responses=RefusalOut(many=True),
        filters=False,
    )
    def get(self, request: Request, tenant_id: str) -> Response:
        """List refusals with their reasons, newest first."""
        return self.page(REFUSED.apply(queries.refusals_of(self.actor, self.tenant(tenant_id)), request), RefusalOut)
