"""Public links of reports: made with an end, opened by their token, counted, revoked."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import digest
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from controlplane.public_links import Kind
from fleet.reports import reading
from fleet.reports.models import Report, ReportLink, new_link_id
from organizations import access
from organizations.actions import trail

LINKS = Kind(
    prefix="rlk",
    id_kind="rpl",
    actor="reportlink",
    working=lambda: ReportLink.objects.filter(revoked_at=None, expires_at__gt=timezone.now()),
)
LONGEST_DAYS = 90
MOST = 50
"""Links of one report that open it."""


@transaction.atomic
def make(*, by: Actor, report: Report, days: int) -> tuple[ReportLink, str]:
    """
    Make a public link that ends. Returns it with its token, which is told nowhere else.

    It opens the report to strangers, so only somebody who sees every client in it may make one, and tables that they do
    not see stay hidden. Raises Invalid, Forbidden.
    """
    standing = access.require(by, "report.manage", report.organization_id)
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"A link ends after 1 to {LONGEST_DAYS} days.", field="days")
    if not reading.sees_all(by, report.organization, report.figures):
        raise Forbidden("The report tells of clients that you do not see. Nothing was made.")
    if ReportLink.objects.filter(report=report, revoked_at=None, expires_at__gt=timezone.now()).count() >= MOST:
        raise Conflict(f"The report has {MOST} public links. Nothing was made.", hint="Revoke one first.")
    hides = reading.hidden_from(by, report.figures)
    link, token = write(by, report, dt.timedelta(days=days), hides=hides)
    trail.record(by, standing, "fleet.report_link.create", link.pk, report=report.pk, days=days)
    return link, token


def write(
    by: Actor, report: Report, lasts: dt.timedelta, *, sent_to: str = "", hides: reading.Hidden | None = None
) -> tuple[ReportLink, str]:
    """
    Part of a transaction in which somebody was found to be allowed to: the link's row, and its token.

    Args: hides: tables that it does not show; None where `by` has just had the report made, and sees all of it.
    """
    link_id = new_link_id()
    token = LINKS.new_token(link_id)
    link = ReportLink.objects.create(
        id=link_id,
        organization_id=report.organization_id,
        report=report,
        digest=digest(token),
        sent_to=sent_to,
        hides=hides or {},
        created_by=by.user_id,
        expires_at=timezone.now() + lasts,
    )
    return link, token


@transaction.atomic
def revoke(*, by: Actor, report: Report, link_id: str) -> ReportLink:
    """Shut a public link. Doing it again changes nothing. Raises NotFound, Forbidden."""
    standing = access.require(by, "report.manage", report.organization_id)
    link = ReportLink.objects.select_for_update(of=("self",)).filter(report=report, pk=link_id).first()
    if link is None:
        raise NotFound("There is no such link.")
    if link.revoked_at is None:
        link.revoked_at = timezone.now()
        link.save(update_fields=["revoked_at"])
        trail.record(by, standing, "fleet.report_link.revoke", link.pk, report=report.pk)
    return link


def open_by(token: str) -> ReportLink:
    """
    The link that a token opens, with its report as it shows it.

    Raises NotFound: the same for none, a shut and an ended one.
    """
    link = LINKS.opened_by(token)
    if link is None:
        raise NotFound("There is no report here. The link may have ended.", hint="Ask whoever gave it to you.")
    with rls.reading_as(f"org:{link.organization_id}"):
        link.report = Report.objects.get(pk=link.report_id)
    link.report.figures = reading.without(link.report.figures, link.hides, reading.NOT_BY_LINK)
    return link
