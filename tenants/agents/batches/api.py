"""Orders over several tenants by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import validate_only
from controlplane.api.views import ListView, valid
from organizations import queries as organizations
from organizations.models import Organization
from tenants.agents.batches import actions, queries
from tenants.agents.batches.serializers import AgentBatchIn, AgentBatchOut, AgentBatchPreview, WholeBatchOut
from tenants.agents.models import AgentBatch


class OfOrganization(ListView):
    """Something about orders over several tenants of an organization."""

    def organization(self) -> Organization:
        """The organization of the address."""
        return organizations.find(self.actor, self.kwargs["organization_id"])

    def whole(self, batch: AgentBatch, status: int = 200) -> Response:
        """One with each tenant's part."""
        told = {"orders": queries.orders_of(self.actor, batch), "refused": queries.refused_of(self.actor, batch)}
        headers = {"Location": f"/api/v1/organizations/{batch.organization_id}/agent-orders/{batch.pk}"}
        return Response(WholeBatchOut(batch, context=told).data, status=status, headers=headers)


class Batches(OfOrganization):
    """Orders over several tenants."""

    only_validates = ("POST",)

    @extend_schema(operation_id="agent_orders_list", responses=AgentBatchOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List what was ordered over several tenants, newest first."""
        return self.page(queries.batches_of(self.actor, self.organization()), AgentBatchOut)

    @extend_schema(
        operation_id="agent_orders_create",
        request=AgentBatchIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: AgentBatchPreview, 202: WholeBatchOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Order the same of agents of several tenants: groups, an upgrade, a restart or their removal.

        Each tenant takes or refuses its part by itself: `refused` says which did not, and why.
        """
        asked = {"by": self.actor, "organization": self.organization(), **valid(AgentBatchIn, request)}
        if self.validating:
            return Response(AgentBatchPreview({"parts": actions.attempt(**asked)}).data)
        return self.whole(actions.give(**asked)[0], status=202)


class OneBatch(OfOrganization):
    """One order over several tenants."""

    @extend_schema(operation_id="agent_orders_retrieve", responses=WholeBatchOut)
    def get(self, request: Request, organization_id: str, batch_id: str) -> Response:
        """Read an order over several tenants with what became of each agent."""
        return self.whole(queries.batch(self.actor, self.organization(), batch_id))


class BatchRetry(OfOrganization):
    """The same once more where it failed."""

    @extend_schema(operation_id="agent_orders_retry", request=None, responses={202: WholeBatchOut})
    def post(self, request: Request, organization_id: str, batch_id: str) -> Response:
        """Order the same once more of the agents for which it failed: another order, which the answer is."""
        organization = self.organization()
        batch = queries.batch(self.actor, organization, batch_id)
        return self.whole(actions.retry(by=self.actor, batch=batch, organization=organization)[0], status=202)
