"""Tenants and operations by API: thin doors over the same actions and queries as the pages."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ApiView, ListView, valid
from organizations import queries as organizations
from tenants.provisioning import actions, filters, mirror, queries, versions
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.serializers import Accepted, OperationOut, TenantIn, TenantOut, VersionIn


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


class Tenants(ListView):
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

    @extend_schema(operation_id="tenants_create", request=TenantIn, responses={202: Accepted})
    def post(self, request: Request) -> Response:
        """Create a tenant."""
        given = valid(TenantIn, request)
        organization = organizations.find(self.actor, given.pop("organization"))
        return accepted(*actions.create(by=self.actor, organization=organization, **given))


class Start(TenantView):
    """Starting a tenant."""

    @extend_schema(operation_id="tenants_start", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Start a stopped tenant."""
        operation = actions.start(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class Stop(TenantView):
    """Stopping a tenant."""

    @extend_schema(operation_id="tenants_stop", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Stop a tenant; its data stay."""
        operation = actions.stop(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class Upgrade(TenantView):
    """Changing a tenant's version."""

    @extend_schema(operation_id="tenants_upgrade", request=VersionIn, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have a tenant run another version, after a backup; what does not serve is rolled back by itself."""
        operation = versions.upgrade(by=self.actor, tenant=self.tenant(tenant_id), **valid(VersionIn, request))
        return accepted(self.tenant(tenant_id), operation)


class Rollback(TenantView):
    """Taking a change of version back."""

    @extend_schema(operation_id="tenants_rollback", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Return to the version before, with the backup from then, while that is kept: seven days."""
        return accepted(self.tenant(tenant_id), versions.roll_back(by=self.actor, tenant=self.tenant(tenant_id)))


class Resize(TenantView):
    """Changing the sizes of a tenant's nodes."""

    @extend_schema(operation_id="tenants_resize", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give the nodes the sizes of the organization's plan, one role after the other."""
        return accepted(self.tenant(tenant_id), versions.resize(by=self.actor, tenant=self.tenant(tenant_id)))


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
