"""Moves of agents by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from controlplane.problems import Invalid
from tenants.agents.moves import actions, queries
from tenants.agents.moves.serializers import MoveIn, MoveOut, NewMoveOut
from tenants.provisioning import queries as provisioning
from tenants.provisioning.api import TenantView
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import TenantNotFound


class Moves(TenantView, ListView):
    """Moves of a tenant's agents to other tenants."""

    @extend_schema(operation_id="tenants_moves_list", responses=MoveOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List moves out of this tenant, newest first, with how far each agent is."""
        return self.page(queries.moves_of(self.actor, self.tenant(tenant_id)), MoveOut)

    @extend_schema(operation_id="tenants_moves_create", request=MoveIn, responses={201: NewMoveOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """
        Begin a move: the answer holds one token, which lets exactly these agents join the target.

        Run the enrollment script with it on each machine. When one has arrived, its old identity stays for the grace
        period and is then removed here. Whoever has not come when the token ends stays.
        """
        tenant, given = self.tenant(tenant_id), valid(MoveIn, request)
        target = self._target(given.pop("target"))
        move, secret = actions.move(by=self.actor, tenant=tenant, target=target, **given)
        headers = {"Location": f"/api/v1/tenants/{tenant.pk}/moves/{move.pk}"}
        return Response(NewMoveOut(move, context={"secret": secret}).data, status=201, headers=headers)

    def _target(self, tenant_id: str) -> Tenant:
        try:
            return provisioning.find(self.actor, tenant_id)
        except TenantNotFound as missing:
            raise Invalid("There is no such tenant that you see. Nothing was changed.", field="target") from missing


class OneMove(TenantView):
    """One move of agents."""

    tagged = frozenset({"cancelled_at", "closed_at"})

    @extend_schema(operation_id="tenants_moves_retrieve", responses=MoveOut)
    def get(self, request: Request, tenant_id: str, move_id: str) -> Response:
        """Read a move with how far each agent is."""
        return Response(MoveOut(queries.move(self.actor, self.tenant(tenant_id), move_id)).data)

    @extend_schema(operation_id="tenants_moves_cancel", request=None, responses={200: MoveOut})
    def delete(self, request: Request, tenant_id: str, move_id: str) -> Response:
        """Cancel a move: its token ends, who waits stays, who has arrived goes on."""
        move = queries.move(self.actor, self.tenant(tenant_id), move_id)
        return Response(MoveOut(actions.cancel(by=self.actor, move=move)).data)
