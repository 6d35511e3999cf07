"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from tenants.access import api as access
from tenants.agents import api as agents
from tenants.agents.batches import api as batches
from tenants.agents.live import api as live
from tenants.agents.moves import api as moves
from tenants.content import api as content
from tenants.enrollment import api as enrollment
from tenants.enrollment.imports import api as imports
from tenants.enrollment.installers import api as installers
from tenants.enrollment.tokens import api as tokens
from tenants.metering import api as metering
from tenants.protection import api as protection
from tenants.protection.backups import api as backups
from tenants.protection.exports import api as exports
from tenants.protection.receipts import api as receipts
from tenants.provisioning import api as provisioning
from tenants.rollouts import api as rollouts
from tenants.status import api as status

_ONE = "tenants/<str:tenant_id>"
_AGENT = f"{_ONE}/agents/<str:number>"
_TOKEN = f"{_ONE}/tokens/<str:token_id>"
_ROLLOUTS = "organizations/<str:organization_id>/rollouts"
_ROLLOUT = f"{_ROLLOUTS}/<str:rollout_id>"
_BATCHES = "organizations/<str:organization_id>/agent-orders"
_OPERATION = "operations/<str:operation_id>"
_ORGANIZATION = "organizations/<str:organization_id>"
_FILE = "content-files/<str:file_id>"

urlpatterns = [
    path("tenants", provisioning.Tenants.as_view(), name="api-tenants"),
    path(_ONE, protection.OneTenant.as_view(), name="api-tenant"),
    path("status", status.PlatformStatus.as_view(), name="api-status"),
    path("status/subscriptions", status.PlatformSubscriptions.as_view(), name="api-status-subscriptions"),
    path(f"{_ONE}/status", status.TenantStatus.as_view(), name="api-tenant-status"),
    path(f"{_ONE}/status/periods", status.Periods.as_view(), name="api-tenant-status-periods"),
    path(f"{_ONE}/status/links", status.Links.as_view(), name="api-tenant-status-links"),
    path(f"{_ONE}/status/links/<str:link_id>", status.OneLink.as_view(), name="api-tenant-status-link"),
    path(f"{_ONE}/status/subscriptions", status.Subscriptions.as_view(), name="api-tenant-status-subscriptions"),
    path(
        f"{_ONE}/status/subscriptions/<str:subscription_id>",
        status.OneSubscription.as_view(),
        name="api-tenant-status-subscription",
    ),
    path(f"{_ONE}/start", provisioning.Start.as_view(), name="api-tenant-start"),
    path(f"{_ONE}/stop", provisioning.Stop.as_view(), name="api-tenant-stop"),
    path(f"{_ONE}/receipts", receipts.Receipts.as_view(), name="api-receipts"),
    path(f"{_ONE}/receipts/<str:receipt_id>", receipts.OneReceipt.as_view(), name="api-receipt"),
    path(f"{_ONE}/isolation-receipt", receipts.IsolationReceipt.as_view(), name="api-isolation-receipt"),
    path(f"{_ONE}/exports", exports.Exports.as_view(), name="api-exports"),
    path(f"{_ONE}/exports/<str:export_id>", exports.OneExport.as_view(), name="api-export"),
    path(f"{_ONE}/exports/<str:export_id>/file", exports.ExportFile.as_view(), name="api-export-file"),
    path(f"{_ONE}/undelete", protection.Undelete.as_view(), name="api-tenant-undelete"),
    path(f"{_ONE}/erase", protection.Erase.as_view(), name="api-tenant-erase"),
    path(f"{_ONE}/sleep", protection.Sleep.as_view(), name="api-tenant-sleep"),
    path(f"{_ONE}/wake", protection.Wake.as_view(), name="api-tenant-wake"),
    path(
        f"{_ONE}/rotate-certificates",
        protection.RotateCertificates.as_view(),
        name="api-tenant-rotate-certificates",
    ),
    path(f"{_ONE}/upgrade", provisioning.Upgrade.as_view(), name="api-tenant-upgrade"),
    path(f"{_ONE}/rollback", provisioning.Rollback.as_view(), name="api-tenant-rollback"),
    path(f"{_ONE}/resize", provisioning.Resize.as_view(), name="api-tenant-resize"),
    path(f"{_ONE}/backups", backups.Backups.as_view(), name="api-backups"),
    path(f"{_ONE}/backups/<str:backup_id>", backups.OneBackup.as_view(), name="api-backup"),
    path(f"{_ONE}/restore", backups.Restore.as_view(), name="api-tenant-restore"),
    path(f"{_ONE}/clone", backups.Clone.as_view(), name="api-tenant-clone"),
    path(f"{_ONE}/drift", provisioning.Drift.as_view(), name="api-drift"),
    path(f"{_ONE}/usage", metering.Usage.as_view(), name="api-usage"),
    path(
        f"{_ONE}/rotate-credentials",
        protection.RotateCredentials.as_view(),
        name="api-tenant-rotate-credentials",
    ),
    path(f"{_ONE}/tokens", tokens.Tokens.as_view(), name="api-tokens"),
    path(_TOKEN, tokens.OneToken.as_view(), name="api-token"),
    path(f"{_TOKEN}/rotate", tokens.Rotation.as_view(), name="api-token-rotate"),
    path(f"{_TOKEN}/installers", installers.Installers.as_view(), name="api-token-installers"),
    path(f"{_TOKEN}/uses", tokens.Uses.as_view(), name="api-token-uses"),
    path(f"{_TOKEN}/quarantine", tokens.TokenQuarantine.as_view(), name="api-token-quarantine"),
    path("agents", agents.Inventory.as_view(), name="api-inventory"),
    path(_BATCHES, batches.Batches.as_view(), name="api-agent-batches"),
    path(f"{_BATCHES}/<str:batch_id>", batches.OneBatch.as_view(), name="api-agent-batch"),
    path(f"{_BATCHES}/<str:batch_id>/retry", batches.BatchRetry.as_view(), name="api-agent-batch-retry"),
    path(f"{_ORGANIZATION}/agents/live", live.LiveAgents.as_view(), name="api-agents-live"),
    path("agents/export", agents.Export.as_view(), name="api-inventory-export"),
    path(f"{_ONE}/agents", agents.Agents.as_view(), name="api-agents"),
    path(f"{_ONE}/agents/import", imports.Imports.as_view(), name="api-agents-import"),
    path(_AGENT, agents.OneAgent.as_view(), name="api-agent"),
    path(f"{_ONE}/agent-orders", agents.AgentOrders.as_view(), name="api-agent-orders"),
    path(f"{_ONE}/agent-orders/<str:order_id>", agents.OneAgentOrder.as_view(), name="api-agent-order"),
    path(f"{_ONE}/moves", moves.Moves.as_view(), name="api-moves"),
    path(f"{_ONE}/moves/<str:move_id>", moves.OneMove.as_view(), name="api-move"),
    path(f"{_AGENT}/quarantine", enrollment.Quarantine.as_view(), name="api-agent-quarantine"),
    path(f"{_ONE}/refusals", enrollment.Refusals.as_view(), name="api-refusals"),
    path(f"{_ONE}/dashboard", access.Dashboard.as_view(), name="api-dashboard"),
    path(f"{_ONE}/events-token", access.EventsToken.as_view(), name="api-events-token"),
    path(f"{_ONE}/certs-token", access.CertsToken.as_view(), name="api-certs-token"),
    path(f"{_ONE}/revocations", access.Revocations.as_view(), name="api-revocations"),
    path(f"{_ORGANIZATION}/content", content.Inherited.as_view(), name="api-content-inherited"),
    path(f"{_ORGANIZATION}/content/publish", content.PublishAt.as_view(), name="api-content-publish-at"),
    path(f"{_ORGANIZATION}/content-files", content.OrganizationFiles.as_view(), name="api-content-files"),
    path(_FILE, content.OneFile.as_view(), name="api-content-file"),
    path(f"{_FILE}/versions", content.Versions.as_view(), name="api-content-versions"),
    path(f"{_FILE}/versions/<str:version_number>", content.OneVersion.as_view(), name="api-content-version"),
    path(f"{_ONE}/content", content.TenantContent.as_view(), name="api-tenant-content"),
    path(f"{_ONE}/content-files", content.TenantFiles.as_view(), name="api-tenant-content-files"),
    path(f"{_ONE}/content/publish", content.Publish.as_view(), name="api-content-publish"),
    path(f"{_ONE}/content/bundles", content.Bundles.as_view(), name="api-content-bundles"),
    path(f"{_ONE}/content/bundles/<str:bundle_id>", content.OneBundle.as_view(), name="api-content-bundle"),
    path(f"{_ONE}/logtest", content.Logtest.as_view(), name="api-logtest"),
    path(_ROLLOUTS, rollouts.Rollouts.as_view(), name="api-rollouts"),
    path(_ROLLOUT, rollouts.OneRollout.as_view(), name="api-rollout"),
    path(f"{_ROLLOUT}/tenants", rollouts.Targets.as_view(), name="api-rollout-tenants"),
    path(f"{_ROLLOUT}/go-on", rollouts.GoOn.as_view(), name="api-rollout-go-on"),
    path(f"{_ROLLOUT}/retry", rollouts.Retry.as_view(), name="api-rollout-retry"),
    path(f"{_ROLLOUT}/end", rollouts.End.as_view(), name="api-rollout-end"),
    path("operations", provisioning.Operations.as_view(), name="api-operations"),
    path(_OPERATION, provisioning.OneOperation.as_view(), name="api-operation"),
    path(f"{_OPERATION}/retry", provisioning.Retry.as_view(), name="api-operation-retry"),
    path(f"{_OPERATION}/abandon", protection.Abandon.as_view(), name="api-operation-abandon"),
    path(f"{_OPERATION}/cancel", provisioning.Cancel.as_view(), name="api-operation-cancel"),
]
