"""Backups by API: the list, one more, and the ways back."""

from functools import partial

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from tenants.protection.backups import actions as backups
from tenants.protection.backups import queries
from tenants.protection.serializers import BackupOut, CloneIn, RestoreIn
from tenants.provisioning.api import AskingView, TenantView, asks


class Backups(TenantView, ListView):
    """A tenant's backups."""

    @extend_schema(operation_id="tenants_backups_list", responses=BackupOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List the backups that are kept, newest first."""
        return self.page(queries.backups_of(self.actor, self.tenant(tenant_id)), BackupOut)

    @extend_schema(operation_id="tenants_backups_create", request=None, responses={202: BackupOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Make a backup now. Poll it until its state is succeeded or failed."""
        backup = backups.back_up(by=self.actor, tenant=self.tenant(tenant_id))
        headers = {"Location": f"/api/v1/tenants/{tenant_id}/backups/{backup.pk}"}
        return Response(BackupOut(backup).data, status=202, headers=headers)


class OneBackup(TenantView):
    """One backup."""

    @extend_schema(operation_id="tenants_backups_retrieve", responses=BackupOut)
    def get(self, request: Request, tenant_id: str, backup_id: str) -> Response:
        """Read a backup."""
        return Response(BackupOut(queries.backup(self.actor, self.tenant(tenant_id), backup_id)).data)


class Restore(AskingView):
    """Restoring a tenant in place."""

    @asks("tenants_restore", RestoreIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Put a backup in the place of what is there, which is backed up before. The tenant's name has to be typed."""
        given, tenant = valid(RestoreIn, request), self.tenant(tenant_id)
        given["backup"] = queries.backup(self.actor, tenant, given["backup"])
        restore = partial(backups.restore, by=self.actor, **given)
        return self.ask(restore, organization_id=tenant.organization_id, tenant=tenant)


class Clone(AskingView):
    """Making another tenant of a backup."""

    @asks("tenants_clone", CloneIn)
    def post(self, request: Request, tenant_id: str) -> Response:
        """Create a tenant with a backup's alerts, rules and groups, and with secrets and agents of its own."""
        given, source = valid(CloneIn, request), self.tenant(tenant_id)
        given["backup"] = queries.backup(self.actor, source, given["backup"])
        return self.ask(partial(backups.clone, by=self.actor, **given), organization_id=source.organization_id)
