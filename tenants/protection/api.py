"""One tenant by API, with what protects it from deletion, what deletes it and what brings it back."""

from functools import partial

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from tenants.protection.backups.schedule import set_schedule
from tenants.protection.deletion import abandoning
from tenants.protection.deletion import actions as deletion
from tenants.protection.maintenance import rings, rotation, sleeping
from tenants.protection.maintenance import window as maintenance
from tenants.protection.serializers import Confirmation, TenantChange
from tenants.provisioning import numbering, queries
from tenants.provisioning.api import AskingView, asks
from tenants.provisioning.serializers import TenantOut, WhenIn


class RotateCertificates(AskingView):
    """Exchanging a tenant's certificates."""

    @asks("tenants_rotate_certificates", WhenIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give every node new certificates, one role after the other."""
        return self.ask_of(tenant_id, partial(rotation.rotate_certificates, **valid(WhenIn, request)))


class Sleep(AskingView):
    """Sending a tenant to sleep."""

    @asks("tenants_sleep")
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have a tenant sleep now, if nobody uses it."""
        return self.ask_of(tenant_id, sleeping.fall_asleep)


class Wake(AskingView):
    """Waking a tenant."""

    @asks("tenants_wake")
    def post(self, request: Request, tenant_id: str) -> Response:
        """Wake a tenant that sleeps."""
        return self.ask_of(tenant_id, sleeping.wake)


class RotateCredentials(AskingView):
    """Exchanging the passwords of a tenant's nodes."""

    @asks("tenants_rotate_credentials", WhenIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Give every node new passwords, one role after the other. No value is ever shown."""
        return self.ask_of(tenant_id, partial(rotation.rotate_credentials, **valid(WhenIn, request)))


class OneTenant(AskingView):
    """One tenant."""

    tagged = frozenset(
        {
            *("name", "requested", "plan", "protected", "erases_at"),
            *("sleep_after_minutes", "external_id", "maintenance_window", "ring", "backups"),
        }
    )
    only_validates = ("DELETE",)

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
            if "maintenance_window" in given:
                maintenance.set_window(by=self.actor, tenant=tenant, window=given["maintenance_window"])
            if "backups" in given:
                set_schedule(by=self.actor, tenant=tenant, schedule=given["backups"])
            if "ring" in given:
                rings.set_ring(by=self.actor, tenant=tenant, ring=given["ring"])
            if "external_id" in given:
                numbering.number(by=self.actor, tenant=tenant, external_id=given["external_id"])
        return Response(TenantOut(self.tenant(tenant_id)).data)

    @asks("tenants_delete", Confirmation)
    def delete(self, request: Request, tenant_id: str) -> Response:
        """Put a tenant into the recycle bin for 7 days: it stops and keeps its data. Its name has to be typed."""
        return self.ask_of(tenant_id, partial(deletion.delete, **valid(Confirmation, request)))


class Undelete(AskingView):
    """Taking a tenant out of the recycle bin."""

    @asks("tenants_undelete")
    def post(self, request: Request, tenant_id: str) -> Response:
        """Take a tenant out of the recycle bin; it becomes what it was, running or stopped."""
        return self.ask_of(tenant_id, deletion.undelete)


class Erase(AskingView):
    """Erasing a tenant before its time in the recycle bin is over."""

    @asks("tenants_erase", Confirmation)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Erase a tenant in the recycle bin now, with all its data and keys. Its name has to be typed once more."""
        return self.ask_of(tenant_id, partial(deletion.erase, **valid(Confirmation, request)))


class Abandon(AskingView):
    """Cleaning up after an operation that failed."""

    @asks("operations_abandon")
    def post(self, request: Request, operation_id: str) -> Response:
        """Give up an operation that failed, and undo what it left: an operation of its own, which the answer names."""
        operation = queries.operation(self.actor, operation_id)
        abandon = partial(abandoning.abandon, by=self.actor, operation=operation)
        return self.ask(abandon, organization_id=operation.organization_id, tenant=operation.tenant)
