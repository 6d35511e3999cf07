"""Gathers the rows of the inner rooms, so that Django finds them in one place."""

from fleet.alerts.models import Alert, AlertCursor, AlertEntry, Suppression
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from fleet.clients.models import FleetView
from fleet.onboarding.models import ClientImport, ClientImportLine
from fleet.reports.models import Report, ReportAddress, ReportLink, ReportPlan
from fleet.routing.models import Destination, Notice, Route

__all__ = [
    "Alert",
    "AlertCursor",
    "AlertEntry",
    "ClientImport",
    "ClientImportLine",
    "ClientTemplate",
    "ClientTemplateVersion",
    "Destination",
    "FleetView",
    "Notice",
    "Report",
    "ReportAddress",
    "ReportLink",
    "ReportPlan",
    "Route",
    "Suppression",
    "TemplateUse",
]
