"""Agents by API: of one tenant, and of all that somebody sees."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.schema import narrowing
from controlplane.api.views import ListView, valid
from organizations.trail.search import search_of
from tenants.agents import queries
from tenants.agents.files import MOST, csv_of
from tenants.agents.forms import order
from tenants.agents.search import STATE_WORDS, AgentSearch, InventorySearch, narrowed
from tenants.agents.serializers import AgentOrderIn, AgentOrderOut
from tenants.enrollment import queries as enrollment
from tenants.enrollment.agents import ask_again_if_old
from tenants.enrollment.serializers import AgentOut
from tenants.provisioning.api import TenantView

IN_TENANT = [
    OpenApiParameter("name", str, description="Only agents whose name contains this"),
    narrowing("state", "Only agents in this state", STATE_WORDS),
    OpenApiParameter("version", str, description="Only agents whose version begins so, such as 4.14"),
    OpenApiParameter("group", str, description="Only agents of this group"),
    OpenApiParameter(
        "token", str, description="Only agents that joined with this token: its id, or a part of its name"
    ),
    OpenApiParameter(
        "silent_since", str, description="Only agents that are not connected and were last heard before this (ISO 8601)"
    ),
]
EVERYWHERE = [
    *IN_TENANT,
    OpenApiParameter(
        "organization", str, description="Only agents of this organization: its id, or a part of its name"
    ),
    OpenApiParameter("tenant", str, description="Only agents of this tenant: its id, or a part of its name"),
]


class Agents(TenantView, ListView):
    """A tenant's agents."""

    @extend_schema(
        operation_id="tenants_agents_list", parameters=IN_TENANT, responses=AgentOut(many=True), filters=False
    )
    def get(self, request: Request, tenant_id: str) -> Response:
        """List agents as last read from the edge, newest first; an old reading is renewed meanwhile."""
        tenant = self.tenant(tenant_id)
        rows = narrowed(enrollment.agents_of(self.actor, tenant), search_of(request.query_params, AgentSearch))
        ask_again_if_old(tenant)
        return self.page(rows, AgentOut)


class OneAgent(TenantView):
    """One agent."""

    @extend_schema(operation_id="tenants_agents_retrieve", responses=AgentOut)
    def get(self, request: Request, tenant_id: str, number: str) -> Response:
        """Read an agent."""
        return Response(AgentOut(enrollment.agent(self.actor, self.tenant(tenant_id), number)).data)


class Inventory(ListView):
    """Agents of all tenants."""

    @extend_schema(operation_id="agents_list", parameters=EVERYWHERE, responses=AgentOut(many=True), filters=False)
    def get(self, request: Request) -> Response:
        """
        List the agents of every tenant that you see, newest first, each as its tenant was last read.

        Nothing is read anew: the edge tells of changes. `as_of` and `partial_reading` say how far to rely on it.
        """
        found = narrowed(queries.inventory(self.actor), search_of(request.query_params, InventorySearch))
        return self.page(found, AgentOut)


class Export(ListView):
    """The same as a file."""

    @extend_schema(
        operation_id="agents_export",
        parameters=EVERYWHERE,
        responses={(200, "text/csv"): OpenApiTypes.STR},
        filters=False,
        description=f"Export what a search finds, newest first, as CSV of at most {MOST:,} agents.",
    )
    def get(self, request: Request) -> HttpResponse:
        """Export what a search finds as CSV; the last line says whether the file is complete."""
        return csv_of(narrowed(queries.inventory(self.actor), search_of(request.query_params, InventorySearch)))


class AgentOrders(TenantView, ListView):
    """Orders about a tenant's agents."""

    @extend_schema(operation_id="tenants_agent_orders_list", responses=AgentOrderOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List orders, newest first, with what became of each agent."""
        return self.page(queries.orders_of(self.actor, self.tenant(tenant_id)), AgentOrderOut)

    @extend_schema(operation_id="tenants_agent_orders_create", request=AgentOrderIn, responses={202: AgentOrderOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """
        Set the groups of agents, upgrade or remove them: up to 100 at once, each with a result of its own.

        Removing is done at once and has no way back. The others wait, a week at most, until the tenant's manager runs.
        """
        tenant = self.tenant(tenant_id)
        placed = order(self.actor, tenant, **valid(AgentOrderIn, request))
        headers = {"Location": f"/api/v1/tenants/{tenant.pk}/agent-orders/{placed.pk}"}
        return Response(AgentOrderOut(placed).data, status=202, headers=headers)


class OneAgentOrder(TenantView):
    """One order about agents."""

    @extend_schema(operation_id="tenants_agent_orders_retrieve", responses=AgentOrderOut)
    def get(self, request: Request, tenant_id: str, order_id: str) -> Response:
        """Read an order with what became of each agent."""
        return Response(AgentOrderOut(queries.order(self.actor, self.tenant(tenant_id), order_id)).data)
