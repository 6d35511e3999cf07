"""Files of reports that somebody takes: each becomes an entry of the trail."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from fleet.reports.models import Report, ReportLink
from organizations import access
from organizations.actions import trail


@transaction.atomic
def note(*, by: Actor, report: Report, form: str) -> None:
    """Tell the organization that one of its people takes a report out of the portal. Raises Forbidden."""
    standing = access.require(by, "tenant.view", report.organization)
    trail.record(by, standing, "fleet.report.download", report.pk, form=form, name=report.name)


def note_by_link(*, by: Actor, link: ReportLink, form: str) -> None:
    """Count that a file was taken by a public link, and tell the organization."""
    with rls.acting_as(f"org:{link.organization_id}"):
        counted = {"downloads": F("downloads") + 1, "downloaded_at": timezone.now()}
        ReportLink.objects.filter(pk=link.pk).update(**counted)
        facts = {"report": link.report_id, "form": form, "sent_to": link.sent_to}
        trail.record(by, link.organization_id, "fleet.report_link.download", link.pk, **facts)
