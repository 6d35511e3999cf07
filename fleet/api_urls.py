"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from fleet import api
from fleet.alerts import api as alerts
from fleet.client_templates import api as templates
from fleet.clients import api as clients
from fleet.clients import bulk_api as bulk
from fleet.onboarding import api as onboarding
from fleet.reports import api as reports
from fleet.routing import api as routing

_ONE = "organizations/<str:organization_id>"
_PLAN = f"{_ONE}/report-plans/<str:plan_id>"
_REPORT = f"{_ONE}/reports/<str:report_id>"
_TEMPLATE = f"{_ONE}/client-templates/<str:template_id>"
_IMPORT = f"{_ONE}/client-imports/<str:import_id>"
_OF_CLIENT = f"{_ONE}/clients/<str:client_id>/template"

_VIEWS = f"{_ONE}/fleet/views"

urlpatterns = [
    path(f"{_ONE}/fleet", clients.Fleet.as_view(), name="api-fleet"),
    path(f"{_ONE}/fleet/actions", bulk.FleetActions.as_view(), name="api-fleet-actions"),
    path(_VIEWS, clients.FleetViews.as_view(), name="api-fleet-views"),
    path(f"{_VIEWS}/<str:fleet_view_id>", clients.OneFleetView.as_view(), name="api-fleet-view"),
    path(f"{_ONE}/alerts", alerts.Alerts.as_view(), name="api-alerts"),
    path(f"{_ONE}/alerts/handle", alerts.Handling.as_view(), name="api-alerts-handle"),
    path(f"{_ONE}/alerts/<str:alert_id>", alerts.OneAlert.as_view(), name="api-alert"),
    path(f"{_ONE}/alerts/<str:alert_id>/events", alerts.AlertEvents.as_view(), name="api-alert-events"),
    path(f"{_ONE}/alerts/<str:alert_id>/notes", alerts.Notes.as_view(), name="api-alert-notes"),
    path(f"{_ONE}/alert-destinations", routing.Destinations.as_view(), name="api-destinations"),
    path(f"{_ONE}/alert-destinations/<str:destination_id>", routing.OneDestination.as_view(), name="api-destination"),
    path(
        f"{_ONE}/alert-destinations/<str:destination_id>/test",
        routing.DestinationTest.as_view(),
        name="api-destination-test",
    ),
    path(f"{_ONE}/alert-routes", routing.Routes.as_view(), name="api-routes"),
    path(f"{_ONE}/alert-routes/<str:route_id>", routing.OneRoute.as_view(), name="api-route"),
    path(f"{_ONE}/alert-notices", routing.Notices.as_view(), name="api-notices"),
    path(f"{_ONE}/alert-notices/<str:notice_id>/replay", routing.NoticeReplay.as_view(), name="api-notice-replay"),
    path(f"{_ONE}/alert-suppressions", alerts.Suppressions.as_view(), name="api-suppressions"),
    path(
        f"{_ONE}/alert-suppressions/<str:suppression_id>",
        alerts.OneSuppression.as_view(),
        name="api-suppression",
    ),
    path(
        f"{_ONE}/members/<str:membership_id>/offboarding",
        api.MemberOffboarding.as_view(),
        name="api-member-offboarding",
    ),
    path(f"{_ONE}/client-templates", templates.Templates.as_view(), name="api-client-templates"),
    path(_TEMPLATE, templates.OneTemplate.as_view(), name="api-client-template"),
    path(f"{_TEMPLATE}/versions", templates.TemplateVersions.as_view(), name="api-client-template-versions"),
    path(f"{_TEMPLATE}/drift", templates.TemplateDrift.as_view(), name="api-client-template-drift"),
    path(_OF_CLIENT, templates.ClientTemplateOf.as_view(), name="api-client-of-template"),
    path(f"{_OF_CLIENT}/overrides", templates.Overrides.as_view(), name="api-client-overrides"),
    path(f"{_OF_CLIENT}/overrides/<str:setting>", templates.OneOverride.as_view(), name="api-client-override"),
    path(f"{_OF_CLIENT}/accept", templates.Accepting.as_view(), name="api-client-accept"),
    path(f"{_ONE}/onboardings", onboarding.Onboardings.as_view(), name="api-onboardings"),
    path(f"{_ONE}/client-imports", onboarding.Imports.as_view(), name="api-client-imports"),
    path(_IMPORT, onboarding.OneImport.as_view(), name="api-client-import"),
    path(f"{_IMPORT}/lines", onboarding.ImportLines.as_view(), name="api-client-import-lines"),
    path(f"{_IMPORT}/retry", onboarding.ImportRetry.as_view(), name="api-client-import-retry"),
    path(f"{_IMPORT}/report", onboarding.ImportReport.as_view(), name="api-client-import-report"),
    path(f"{_ONE}/offboardings", api.Offboardings.as_view(), name="api-offboardings"),
    path(f"{_ONE}/offboardings/<str:offboarding_id>", api.OneOffboarding.as_view(), name="api-offboarding"),
    path(f"{_ONE}/report-plans", reports.ReportPlans.as_view(), name="api-report-plans"),
    path(_PLAN, reports.OneReportPlan.as_view(), name="api-report-plan"),
    path(f"{_PLAN}/issue", reports.IssueReport.as_view(), name="api-report-issue"),
    path(f"{_ONE}/reports", reports.Reports.as_view(), name="api-reports"),
    path(_REPORT, reports.OneReport.as_view(), name="api-report"),
    path(f"{_REPORT}/file", reports.ReportFile.as_view(), name="api-report-file"),
    path(f"{_REPORT}/links", reports.ReportLinks.as_view(), name="api-report-links"),
    path(f"{_REPORT}/links/<str:report_link_id>", reports.OneReportLink.as_view(), name="api-report-link"),
    path(f"{_ONE}/report-addresses", reports.ReportAddresses.as_view(), name="api-report-addresses"),
    path(f"{_ONE}/report-addresses/<str:address_id>", reports.OneReportAddress.as_view(), name="api-report-address"),
]
