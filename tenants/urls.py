"""Addresses of the tenants' pages."""

from django.urls import path

from tenants import overview_views, search_views
from tenants.access import views as access
from tenants.agents import order_views as agent_orders
from tenants.agents import views as agents
from tenants.agents.batches import views as batches
from tenants.agents.live import views as live
from tenants.agents.moves import views as moves
from tenants.content import file_views as content_files
from tenants.content import views as content
from tenants.enrollment.imports import views as imports
from tenants.enrollment.installers import views as installers
from tenants.enrollment.tokens import views as tokens
from tenants.metering import views as metering
from tenants.protection import views as protection
from tenants.protection.backups import schedule_views as schedules
from tenants.protection.backups import views as backups
from tenants.protection.deletion import bin_views as recycle_bin
from tenants.protection.exports import views as exports
from tenants.protection.maintenance import certificate_views as certificates
from tenants.protection.maintenance import sleep_views as sleep
from tenants.protection.maintenance import window_views as maintenance
from tenants.protection.receipts import views as receipts
from tenants.provisioning import create_views, version_views
from tenants.provisioning import operation_views as operations
from tenants.rollouts import views as rollouts
from tenants.status import platform_views as platform
from tenants.status import public_views as public
from tenants.status import views as status

app_name = "tenants"

urlpatterns = [
    path("i/<str:token_id>/", installers.short_link, name="installer"),
    path("search/", search_views.search, name="search"),
    path("status.json", platform.as_json, name="platform-json"),
    path("status/", platform.page, name="platform-status"),
    path("status/feed.atom", platform.feed, name="platform-feed"),
    path("status/incidents/<str:incident_id>/", platform.incident, name="platform-incident"),
    path("status/subscribe/", platform.subscribe, name="platform-subscribe"),
    path("status/subscriptions/<str:subscription_id>/<str:secret>/", platform.subscription, name="status-subscription"),
    path(
        "status/subscriptions/<str:subscription_id>/<str:secret>/one-click/",
        platform.one_click,
        name="status-one-click",
    ),
    path("status/t/<str:status_token>/", public.page, name="public-status"),
    path("status/t/<str:status_token>/status.json", public.as_json, name="public-json"),
    path("status/t/<str:status_token>/feed.atom", public.feed, name="public-feed"),
    path("status/t/<str:status_token>/subscribe/", public.subscribe, name="public-subscribe"),
    path("o/<str:organization_id>/tenants/new/", create_views.create, name="create"),
    path("o/<str:organization_id>/activity/", operations.activity, name="activity"),
    path("o/<str:organization_id>/agents/", agents.inventory, name="inventory"),
    path("o/<str:organization_id>/agent-orders/", batches.listing, name="agent-batches"),
    path("o/<str:organization_id>/agent-orders/new/", batches.create, name="agent-batch-new"),
    path("o/<str:organization_id>/agent-orders/<str:batch_id>/", batches.page, name="agent-batch"),
    path("o/<str:organization_id>/agent-orders/<str:batch_id>/retry/", batches.retry, name="agent-batch-retry"),
    path("o/<str:organization_id>/agents/live/", live.search, name="agents-live"),
    path("o/<str:organization_id>/agents/export/", agents.export, name="inventory-export"),
    path("o/<str:organization_id>/rollouts/", rollouts.listing, name="rollouts"),
    path("o/<str:organization_id>/rollouts/new/", rollouts.create, name="rollout-new"),
    path("o/<str:organization_id>/rollouts/<str:rollout_id>/", rollouts.page, name="rollout"),
    path("o/<str:organization_id>/rollouts/<str:rollout_id>/go-on/", rollouts.go_on, name="rollout-go-on"),
    path("o/<str:organization_id>/rollouts/<str:rollout_id>/retry/", rollouts.retry, name="rollout-retry"),
    path("o/<str:organization_id>/rollouts/<str:rollout_id>/end/", rollouts.end, name="rollout-end"),
    path("o/<str:organization_id>/bin/", recycle_bin.listing, name="bin"),
    path("o/<str:organization_id>/content/", content_files.listing, name="content-files"),
    path("o/<str:organization_id>/content/new/", content_files.create, name="content-new"),
    path("o/<str:organization_id>/content/publish/", content_files.publish, name="content-publish-at"),
    path("o/<str:organization_id>/content/leave-out/", content_files.leave_out, name="content-leave-out"),
    path("o/<str:organization_id>/content/<str:file_id>/", content_files.page, name="content-file"),
    path("o/<str:organization_id>/content/<str:file_id>/withdraw/", content_files.withdraw, name="content-withdraw"),
    path("t/<str:tenant_id>/", overview_views.overview, name="overview"),
    path("t/<str:tenant_id>/live/", overview_views.live, name="live"),
    path("t/<str:tenant_id>/first-steps/", overview_views.first_steps, name="first-steps"),
    path("t/<str:tenant_id>/first-steps/hide/", overview_views.hide_first_steps, name="first-steps-hide"),
    path("t/<str:tenant_id>/usage/", metering.usage, name="usage"),
    path("t/<str:tenant_id>/status/", status.page, name="status"),
    path("t/<str:tenant_id>/status/links/", status.make_link, name="status-link-new"),
    path("t/<str:tenant_id>/status/links/<str:link_id>/revoke/", status.revoke_link, name="status-link-revoke"),
    path("t/<str:tenant_id>/status/subscriptions/", status.subscribe, name="status-subscribe"),
    path(
        "t/<str:tenant_id>/status/subscriptions/<str:subscription_id>/end/",
        status.unsubscribe,
        name="status-subscription-end",
    ),
    path("t/<str:tenant_id>/settings/", protection.settings, name="settings"),
    path("t/<str:tenant_id>/start/", protection.start, name="start"),
    path("t/<str:tenant_id>/stop/", protection.stop, name="stop"),
    path("t/<str:tenant_id>/sleep/", sleep.fall_asleep, name="sleep"),
    path("t/<str:tenant_id>/wake/", sleep.wake, name="wake"),
    path("t/<str:tenant_id>/maintenance-window/", maintenance.window, name="maintenance-window"),
    path("t/<str:tenant_id>/backup-schedule/", schedules.schedule, name="backup-schedule"),
    path("t/<str:tenant_id>/ring/", maintenance.ring, name="ring"),
    path("t/<str:tenant_id>/sleep-policy/", sleep.policy, name="sleep-policy"),
    path("t/<str:tenant_id>/certificates/", certificates.certificates, name="certificates"),
    path("t/<str:tenant_id>/rotate-certificates/", protection.rotate_certificates, name="rotate-certificates"),
    path("t/<str:tenant_id>/rotate-credentials/", protection.rotate_credentials, name="rotate-credentials"),
    path("t/<str:tenant_id>/upgrade/", version_views.upgrade, name="upgrade"),
    path("t/<str:tenant_id>/rollback/", version_views.rollback, name="rollback"),
    path("t/<str:tenant_id>/resize/", version_views.resize, name="resize"),
    path("t/<str:tenant_id>/protect/", protection.protect, name="protect"),
    path("t/<str:tenant_id>/external-id/", protection.number, name="external-id"),
    path("t/<str:tenant_id>/delete/", protection.delete, name="delete"),
    path("t/<str:tenant_id>/receipts/", receipts.listing, name="receipts"),
    path("t/<str:tenant_id>/receipts/isolation/", receipts.ask, name="receipt-ask"),
    path("t/<str:tenant_id>/receipts/<str:receipt_id>/", receipts.page, name="receipt"),
    path("t/<str:tenant_id>/receipts/<str:receipt_id>/file/", receipts.file, name="receipt-file"),
    path("t/<str:tenant_id>/exports/", exports.listing, name="exports"),
    path("t/<str:tenant_id>/exports/new/", exports.ask, name="export-ask"),
    path("t/<str:tenant_id>/exports/<str:export_id>/file/", exports.file, name="export-file"),
    path("t/<str:tenant_id>/undelete/", recycle_bin.undelete, name="undelete"),
    path("t/<str:tenant_id>/erase/", recycle_bin.erase, name="erase"),
    path("t/<str:tenant_id>/operations/", operations.listing, name="operations"),
    path("t/<str:tenant_id>/operations/<str:operation_id>/", operations.page, name="operation"),
    path("t/<str:tenant_id>/operations/<str:operation_id>/retry/", operations.retry, name="operation-retry"),
    path("t/<str:tenant_id>/operations/<str:operation_id>/cancel/", operations.cancel, name="operation-cancel"),
    path("t/<str:tenant_id>/operations/<str:operation_id>/abandon/", protection.abandon, name="operation-abandon"),
    path("t/<str:tenant_id>/backups/", backups.listing, name="backups"),
    path("t/<str:tenant_id>/backups/new/", backups.back_up, name="back-up"),
    path("t/<str:tenant_id>/backups/<str:backup_id>/", backups.page, name="backup"),
    path("t/<str:tenant_id>/backups/<str:backup_id>/restore/", backups.restore, name="backup-restore"),
    path("t/<str:tenant_id>/backups/<str:backup_id>/clone/", backups.clone, name="backup-clone"),
    path("t/<str:tenant_id>/content/", content.content, name="content"),
    path("t/<str:tenant_id>/content/publish/", content.publish, name="content-publish"),
    path("t/<str:tenant_id>/content/leave-out/", content_files.leave_out_own, name="own-content-leave-out"),
    path("t/<str:tenant_id>/content/new/", content_files.create_own, name="own-content-new"),
    path("t/<str:tenant_id>/content/files/<str:own_file_id>/", content_files.own_page, name="own-content-file"),
    path(
        "t/<str:tenant_id>/content/files/<str:own_file_id>/withdraw/",
        content_files.withdraw_own,
        name="own-content-withdraw",
    ),
    path("t/<str:tenant_id>/content/bundles/<str:bundle_id>/", content.bundle, name="content-bundle"),
    path("t/<str:tenant_id>/content/bundles/<str:bundle_id>/return/", content.return_to, name="content-return"),
    path("t/<str:tenant_id>/logtest/", content.logtest, name="logtest"),
    path("t/<str:tenant_id>/tokens/", tokens.listing, name="tokens"),
    path("t/<str:tenant_id>/tokens/new/", tokens.create, name="token-new"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/", tokens.page, name="token"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/arrivals/", tokens.arrivals, name="token-arrivals"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/rotate/", tokens.rotate, name="token-rotate"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/rename/", tokens.rename, name="token-rename"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("t/<str:tenant_id>/tokens/<str:token_id>/quarantine/", tokens.quarantine, name="token-quarantine"),
    path("t/<str:tenant_id>/agents/", agents.listing, name="agents"),
    path("t/<str:tenant_id>/agents/import/", imports.take_over, name="agents-import"),
    path("t/<str:tenant_id>/agents/<str:number>/", agents.page, name="agent"),
    path("t/<str:tenant_id>/agents/<str:number>/quarantine/", agents.quarantine, name="agent-quarantine"),
    path("t/<str:tenant_id>/agent-orders/", agent_orders.listing, name="agent-orders"),
    path("t/<str:tenant_id>/agent-orders/<str:order_id>/", agent_orders.page, name="agent-order"),
    path("t/<str:tenant_id>/moves/", moves.listing, name="moves"),
    path("t/<str:tenant_id>/moves/new/", moves.create, name="move-new"),
    path("t/<str:tenant_id>/moves/<str:move_id>/", moves.page, name="move"),
    path("t/<str:tenant_id>/moves/<str:move_id>/cancel/", moves.cancel, name="move-cancel"),
    path("t/<str:tenant_id>/events/", access.events, name="events"),
    path("t/<str:tenant_id>/events/tail/", access.tail, name="events-tail"),
    path("t/<str:tenant_id>/events/recent/", access.recent, name="recent-events"),
    path("t/<str:tenant_id>/access/", access.ended, name="access"),
    path("t/<str:tenant_id>/dashboard/", access.dashboard, name="dashboard"),
]
