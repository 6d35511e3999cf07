"""One tenant by API, with what protects it from deletion, what deletes it and what brings it back."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from tenants.protection import actions, deletion, sleeping
from tenants.protection.serializers import Confirmation, TenantChange
from tenants.provisioning import numbering
from tenants.provisioning.api import TenantView, accepted
from tenants.provisioning.serializers import Accepted, TenantOut


class RotateCertificates(TenantView):
    """Exchanging a tenant's certificates."""

    @extend_schema(operation_id="tenants_rotate_certificates", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give every node new certificates, one role after the other."""
        operation = actions.rotate_certificates(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class Sleep(TenantView):
    """Sending a tenant to sleep."""

    @extend_schema(operation_id="tenants_sleep", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have a tenant sleep now, if nobody uses it."""
        operation = sleeping.fall_asleep(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class Wake(TenantView):
    """Waking a tenant."""

    @extend_schema(operation_id="tenants_wake", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Wake a tenant that sleeps."""
        operation = sleeping.wake(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class RotateCredentials(TenantView):
    """Exchanging the passwords of a tenant's nodes."""

    @extend_schema(operation_id="tenants_rotate_credentials", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give every node new passwords, one role after the other. No value is ever shown."""
        operation = actions.rotate_credentials(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class OneTenant(TenantView):
    """One tenant."""

    tagged = frozenset({"name", "requested", "plan", "protected", "sleep_after_minutes", "external_id"})

    @extend_schema(operation_id="tenants_retrieve", responses=TenantOut)
    def get(self, request: Request, tenant_id: str) -> Response:
        """Read a tenant, also one that was deleted."""
        return Response(TenantOut(self.tenant(tenant_id)).data)

    @extend_schema(operation_id="tenants_change", request=TenantChange, responses=TenantOut)
    def patch(self, request: Request, tenant_id: str) -> Response:
        """Protect a tenant from deletion, say after how long without use it sleeps, name it. All or nothing."""
        given = valid(TenantChange, request)
        tenant = self.tenant(tenant_id)
        with transaction.atomic():
            if "protected" in given:
                deletion.set_protection(by=self.actor, tenant=tenant, protected=given["protected"])
            if "sleep_after_minutes" in given:
                minutes = given["sleep_after_minutes"]
                sleeping.set_sleep_policy(by=self.actor, tenant=tenant, after_minutes=minutes)
            if "external_id" in given:
                numbering.number(by=self.actor, tenant=tenant, external_id=given["external_id"])
        return Response(TenantOut(self.tenant(tenant_id)).data)

    @extend_schema(operation_id="tenants_delete", request=Confirmation, responses={202: Accepted})
    def delete(self, request: Request, tenant_id: str) -> Response:
        """Put a tenant into the recycle bin for 7 days: it stops and keeps its data. Its name has to be typed."""
        tenant = self.tenant(tenant_id)
        operation = deletion.delete(by=self.actor, tenant=tenant, **valid(Confirmation, request))
        return accepted(self.tenant(tenant_id), operation)


class Undelete(TenantView):
    """Taking a tenant out of the recycle bin."""

    @extend_schema(operation_id="tenants_undelete", request=None, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Take a tenant out of the recycle bin; it becomes what it was, running or stopped."""
        operation = deletion.undelete(by=self.actor, tenant=self.tenant(tenant_id))
        return accepted(self.tenant(tenant_id), operation)


class Erase(TenantView):
    """Erasing a tenant before its time in the recycle bin is over."""

    @extend_schema(operation_id="tenants_erase", request=Confirmation, responses={202: Accepted})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Erase a tenant in the recycle bin now, with all its data and keys. Its name has to be typed once more."""
        tenant = self.tenant(tenant_id)
        operation = deletion.erase(by=self.actor, tenant=tenant, **valid(Confirmation, request))
        return accepted(self.tenant(tenant_id), operation)
