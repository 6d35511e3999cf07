"""The first pages: of the portal, of an organization, of an MSP."""

from django.urls import path

from fleet import offboarding_views, views
from fleet.alerts import views as alerts
from fleet.client_templates import client_views
from fleet.client_templates import views as template_views
from fleet.clients import bulk_views
from fleet.clients import views as clients
from fleet.onboarding import import_views
from fleet.onboarding import views as onboarding_views
from fleet.reports import public_views as public_reports
from fleet.reports import views as reports
from fleet.routing import views as routing

app_name = "fleet"

_TEMPLATE = "o/<str:organization_id>/client-templates/<str:template_id>/"
_IMPORT = "o/<str:organization_id>/clients/imports/<str:import_id>/"
_OF_CLIENT = "o/<str:organization_id>/clients/<str:client_id>/template/"

urlpatterns = [
    path("", views.front, name="front"),
    path("o/<str:organization_id>/", views.home, name="home"),
    path("o/<str:organization_id>/alerts/", alerts.inbox, name="alerts"),
    path("o/<str:organization_id>/alerts/handle/", alerts.handle, name="alerts-handle"),
    path("o/<str:organization_id>/alerts/suppressions/", alerts.suppressed, name="suppressions"),
    path(
        "o/<str:organization_id>/alerts/suppressions/<str:suppression_id>/end/",
        alerts.end_suppression,
        name="suppression-end",
    ),
    path("o/<str:organization_id>/alerts/routing/", routing.overview, name="routing"),
    path(
        "o/<str:organization_id>/alerts/routing/destinations/new/<str:kind>/",
        routing.add_destination,
        name="destination-new",
    ),
    path(
        "o/<str:organization_id>/alerts/routing/destinations/<str:destination_id>/test/",
        routing.test_destination,
        name="destination-test",
    ),
    path(
        "o/<str:organization_id>/alerts/routing/destinations/<str:destination_id>/remove/",
        routing.remove_destination,
        name="destination-remove",
    ),
    path("o/<str:organization_id>/alerts/routing/routes/", routing.add_route, name="route-new"),
    path(
        "o/<str:organization_id>/alerts/routing/routes/<str:route_id>/remove/",
        routing.remove_route,
        name="route-remove",
    ),
    path(
        "o/<str:organization_id>/alerts/routing/notices/<str:notice_id>/replay/", routing.replay, name="notice-replay"
    ),
    path("o/<str:organization_id>/alerts/<str:alert_id>/", alerts.page, name="alert"),
    path("o/<str:organization_id>/alerts/<str:alert_id>/digests/", alerts.digests, name="alert-digests"),
    path("o/<str:organization_id>/alerts/<str:alert_id>/note/", alerts.note, name="alert-note"),
    path("o/<str:organization_id>/alerts/<str:alert_id>/suppress/", alerts.suppress, name="alert-suppress"),
    path("o/<str:organization_id>/fleet/filter/", clients.narrow, name="narrow"),
    path("o/<str:organization_id>/fleet/act/", bulk_views.act, name="act"),
    path("o/<str:organization_id>/fleet/views/", clients.save, name="view-save"),
    path("o/<str:organization_id>/fleet/views/<str:fleet_view_id>/", clients.change, name="view-change"),
    path("o/<str:organization_id>/fleet/views/<str:fleet_view_id>/remove/", clients.remove, name="view-remove"),
    path("o/<str:organization_id>/clients/new/", onboarding_views.add_client, name="client-new"),
    path("o/<str:organization_id>/clients/imports/", import_views.listing, name="client-imports"),
    path("o/<str:organization_id>/clients/imports/sample/", import_views.sample, name="client-imports-sample"),
    path(_IMPORT, import_views.page, name="client-import"),
    path(f"{_IMPORT}retry/", import_views.retry, name="client-import-retry"),
    path(f"{_IMPORT}report/", import_views.report_file, name="client-import-report"),
    path("o/<str:organization_id>/client-templates/", template_views.listing, name="client-templates"),
    path("o/<str:organization_id>/client-templates/new/", template_views.create, name="client-template-new"),
    path(_TEMPLATE, template_views.page, name="client-template"),
    path(f"{_TEMPLATE}edit/", template_views.edit, name="client-template-edit"),
    path(f"{_TEMPLATE}versions/", template_views.versions, name="client-template-versions"),
    path(f"{_TEMPLATE}remove/", template_views.remove, name="client-template-remove"),
    path(_OF_CLIENT, client_views.page, name="client-of-template"),
    path(f"{_OF_CLIENT}overrides/", client_views.overrides, name="client-overrides"),
    path(f"{_OF_CLIENT}follow/", client_views.follow, name="client-follow"),
    path(f"{_OF_CLIENT}accept/", client_views.accept, name="client-accept"),
    path("o/<str:organization_id>/members/<str:membership_id>/offboard/", offboarding_views.offboard, name="offboard"),
    path("o/<str:organization_id>/offboardings/", offboarding_views.receipts, name="offboardings"),
    path("o/<str:organization_id>/offboardings/<str:offboarding_id>/", offboarding_views.receipt, name="offboarding"),
    path("reports/<str:report_token>/", public_reports.page, name="public-report"),
    path("reports/<str:report_token>/<str:form>/", public_reports.file, name="public-report-file"),
    path("o/<str:organization_id>/reports/", reports.listing, name="reports"),
    path("o/<str:organization_id>/reports/new/", reports.create, name="report-plan-new"),
    path("o/<str:organization_id>/reports/addresses/", reports.allow_address, name="report-address-new"),
    path(
        "o/<str:organization_id>/reports/addresses/<str:address_id>/remove/",
        reports.remove_address,
        name="report-address-remove",
    ),
    path("o/<str:organization_id>/reports/plans/<str:plan_id>/", reports.plan, name="report-plan"),
    path("o/<str:organization_id>/reports/plans/<str:plan_id>/issue/", reports.issue, name="report-issue"),
    path("o/<str:organization_id>/reports/plans/<str:plan_id>/delete/", reports.delete, name="report-plan-delete"),
    path("o/<str:organization_id>/reports/<str:report_id>/", reports.page, name="report"),
    path("o/<str:organization_id>/reports/<str:report_id>/links/", reports.make_link, name="report-link-new"),
    path(
        "o/<str:organization_id>/reports/<str:report_id>/links/<str:report_link_id>/revoke/",
        reports.revoke_link,
        name="report-link-revoke",
    ),
    path("o/<str:organization_id>/reports/<str:report_id>/<str:form>/", reports.file, name="report-file"),
]
