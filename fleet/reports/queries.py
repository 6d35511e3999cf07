"""Reads of reports. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.reports import making, reading
from fleet.reports.models import Report, ReportAddress, ReportLink, ReportPlan
from organizations import access
from organizations.models import Organization


def plans_of(actor: Actor, organization: Organization) -> QuerySet[ReportPlan]:
    """What is planned, the newest first."""
    access.require(actor, "tenant.view", organization)
    return ReportPlan.objects.filter(organization=organization).select_related("organization")


def plan(actor: Actor, organization: Organization, plan_id: str) -> ReportPlan:
    """One planned report. Raises NotFound."""
    found = plans_of(actor, organization).filter(pk=plan_id).first()
    if found is None:
        raise NotFound("There is no such planned report.")
    return found


def reports_of(actor: Actor, organization: Organization) -> QuerySet[Report]:
    """What was issued, the newest first, without its figures, which may be large."""
    access.require(actor, "tenant.view", organization)
    return Report.objects.filter(organization=organization).defer("figures")


def report(actor: Actor, organization: Organization, report_id: str) -> Report:
    """One issued report, with all that it tells: `figures_for` says what of it the asker reads. Raises NotFound."""
    access.require(actor, "tenant.view", organization)
    found = Report.objects.filter(organization=organization, pk=report_id).select_related("organization").first()
    if found is None:
        raise NotFound("There is no such report.")
    return found


def figures_for(actor: Actor, report: Report) -> making.Figures:
    """What the asker reads of a report that they have found."""
    return reading.for_reader(actor, report.organization, report.figures)


def links_of(actor: Actor, report: Report) -> QuerySet[ReportLink]:
    """Its public links, the newest first. Raises Forbidden for whoever may not make any."""
    access.require(actor, "report.manage", report.organization)
    return ReportLink.objects.filter(report=report)


def addresses_of(actor: Actor, organization: Organization) -> QuerySet[ReportAddress]:
    """Addresses of others to which an owner lets reports be mailed."""
    access.require(actor, "report.manage", organization)
    return ReportAddress.objects.filter(organization=organization)
