"""Reads of reports. Every one takes who is asking."""

from django.db import transaction
from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.reports import making
from fleet.reports.models import Report, ReportAddress, ReportLink, ReportPlan
from organizations import access
from organizations.actions import trail
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
    """What was issued, the newest first."""
    access.require(actor, "tenant.view", organization)
    return Report.objects.filter(organization=organization).select_related("organization")


def report(actor: Actor, organization: Organization, report_id: str) -> Report:
    """One issued report, with the figures of the clients that the asker sees now. Raises NotFound."""
    found = reports_of(actor, organization).filter(pk=report_id).first()
    if found is None:
        raise NotFound("There is no such report.")
    return found


def figures_for(actor: Actor, report: Report) -> making.Figures:
    """What the asker reads of a report that they have found."""
    return making.for_reader(actor, report.organization, report.figures)


def links_of(actor: Actor, report: Report) -> QuerySet[ReportLink]:
    """Its public links, the newest first. Raises Forbidden for whoever may not make any."""
    access.require(actor, "report.manage", report.organization)
    return ReportLink.objects.filter(report=report)


def addresses_of(actor: Actor, organization: Organization) -> QuerySet[ReportAddress]:
    """Addresses of others to which an owner lets reports be mailed."""
    access.require(actor, "report.manage", organization)
    return ReportAddress.objects.filter(organization=organization)


@transaction.atomic
def note_download(*, by: Actor, report: Report, form: str) -> None:
    """Tell the organization that one of its people takes a report out of the portal."""
    standing = access.require(by, "tenant.view", report.organization)
    trail.record(by, standing, "fleet.report.download", report.pk, form=form, name=report.name)
