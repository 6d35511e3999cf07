"""Tenants and operations by API: thin doors over the same actions and queries as the pages."""

from collections.abc import Callable
from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import validate_only
from controlplane.api.views import ApiView, ListView, valid
from organizations import queries as organizations
from tenants.provisioning import actions, filters, mirror, queries, versions
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.operation_serializers import Accepted, OperationOut, PreviewOut
from tenants.provisioning.previews import Asked, try_out
from tenants.provisioning.serializers import DriftOut, PlanIn, TenantIn, TenantOut, VersionIn, WhenIn

type Door = Callable[..., Response]


def accepted(tenant: Tenant, operation: Operation) -> Response:
    """202 with the tenant, the operation, and where to follow it."""
    body = {"tenant": TenantOut(tenant).data, "operation": OperationOut(operation).data}
    return Response(body, status=202, headers={"Location": f"/api/v1/operations/{operation.pk}"})


class TenantView(ApiView):
    """Something about one tenant."""

    def tenant(self, tenant_id: str) -> Tenant:
        """The tenant of the address, if the caller may see it."""
        return queries.find(self.actor, tenant_id)

    def hold(self) -> None:
        """Locks the tenant, under which its actions decide."""
        mirror.locked(self.kwargs["tenant_id"])


class AskingView(TenantView):
    """Asks for operations; with ``?validate_only=true`` it only says what they would be."""

    only_validates: tuple[str, ...] = ("POST",)

    def ask(self, act: Callable[[], Asked], *, organization_id: str, tenant: Tenant | None = None) -> Response:
        """
        Have an action done, or say what it would do.

        Args:
            tenant: whom it is asked of; None where it makes one.
        """
        if self.validating:
            return Response(PreviewOut(try_out(act, organization_id=organization_id, tenant=tenant)).data)
        asked = act()
        if isinstance(asked, tuple):
            return accepted(*asked)
        return accepted(self.tenant(asked.tenant_id), asked)

    def ask_of(self, tenant_id: str, act: Callable[..., Asked]) -> Response:
        """The same for an action that takes `by` and the tenant of the address."""
        tenant = self.tenant(tenant_id)
        do = partial(act, by=self.actor, tenant=tenant)
        return self.ask(do, organization_id=tenant.organization_id, tenant=tenant)


def asks(operation_id: str, request: Any = None) -> Callable[[Door], Door]:
    """How OpenAPI describes a method of an `AskingView`."""
    return extend_schema(
        operation_id=operation_id,
        request=request,
        parameters=[validate_only.DESCRIBED],
        responses={200: PreviewOut, 202: Accepted},
    )


class Tenants(AskingView, ListView):
    """Tenants of every organization that the caller may enter."""

    @extend_schema(
        operation_id="tenants_list",
        parameters=filters.TENANTS.described(),
        responses=TenantOut(many=True),
        filters=False,
    )
    def get(self, request: Request) -> Response:
        """List tenants, newest first; deleted ones only where asked for."""
        return self.page(filters.TENANTS.apply(queries.visible_to(self.actor), request), TenantOut)

    @asks("tenants_create", TenantIn)
    def post(self, request: Request) -> Response:
        """Create a tenant."""
        given = valid(TenantIn, request)
        organization = organizations.find(self.actor, given.pop("organization"))
        create = partial(actions.create, by=self.actor, organization=organization, **given)
        return self.ask(create, organization_id=organization.pk)


class Start(AskingView):
    """Starting a tenant."""

    @asks("tenants_start")
    def post(self, request: Request, tenant_id: str) -> Response:
        """Start a stopped tenant."""
        return self.ask_of(tenant_id, actions.start)


class Stop(AskingView):
    """Stopping a tenant."""

    @asks("tenants_stop")
    def post(self, request: Request, tenant_id: str) -> Response:
        """Stop a tenant; its data stay."""
        return self.ask_of(tenant_id, actions.stop)


class Upgrade(AskingView):
    """Changing a tenant's version."""

    @asks("tenants_upgrade", VersionIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have a tenant run another version, after a backup; what does not serve is rolled back by itself."""
        return self.ask_of(tenant_id, partial(versions.upgrade, **valid(VersionIn, request)))


class Rollback(AskingView):
    """Taking a change of version back."""

    @asks("tenants_rollback", WhenIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Return to the version before, with the backup from then, while that is kept: seven days."""
        return self.ask_of(tenant_id, partial(versions.roll_back, **valid(WhenIn, request)))


class Resize(AskingView):
    """Changing the sizes of a tenant's nodes."""

    @asks("tenants_resize", PlanIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give the nodes the sizes of the organization's plan; naming another plan changes that first."""
        return self.ask_of(tenant_id, partial(versions.resize, **valid(PlanIn, request)))


class Drift(TenantView):
    """What a tenant is asked to be beside what it is."""

    @extend_schema(operation_id="tenants_drift", responses=DriftOut)
    def get(self, request: Request, tenant_id: str) -> Response:
        """Compare what is asked of a tenant with what the edge told last. What differs is repaired by itself."""
        return Response(DriftOut(queries.drift(self.tenant(tenant_id))).data)


class Operations(ListView):
    """Operations of every tenant that the caller may see."""

    @extend_schema(
        operation_id="operations_list",
        parameters=filters.OPERATIONS.described(),
        responses=OperationOut(many=True),
        filters=False,
    )
    def get(self, request: Request) -> Response:
        """List operations, newest first."""
        rows = queries.operations_visible_to(self.actor)
        return self.page(filters.OPERATIONS.apply(rows, request), OperationOut)


class OneOperation(ApiView):
    """One operation."""

    @extend_schema(operation_id="operations_retrieve", responses=OperationOut)
    def get(self, request: Request, operation_id: str) -> Response:
        """Read an operation with its steps."""
        return Response(OperationOut(queries.operation(self.actor, operation_id)).data)


class Retry(ApiView):
    """Going on with an operation that failed."""

    @extend_schema(operation_id="operations_retry", request=None, responses={202: OperationOut})
    def post(self, request: Request, operation_id: str) -> Response:
        """Go on from the step that failed."""
        actions.retry(by=self.actor, operation=queries.operation(self.actor, operation_id))
        return Response(OperationOut(queries.operation(self.actor, operation_id)).data, status=202)


class Cancel(ApiView):
    """Taking an operation back."""

    @extend_schema(operation_id="operations_cancel", request=None, responses={202: OperationOut})
    def post(self, request: Request, operation_id: str) -> Response:
        """Take back an operation that is going on, where that is still possible."""
        actions.cancel(by=self.actor, operation=queries.operation(self.actor, operation_id))
        return Response(OperationOut(queries.operation(self.actor, operation_id)).data, status=202)
