"""
Issues reports: by hand, and by the clock.

1. Beat asks which plans are due and wakes a look at each; a lost wake-up costs a minute.
2. A look issues one report a transaction, for the span that was due, and moves the plan to the next: what was missed is
   made up once each.
3. The report, its mails and the plan's next moment are one transaction, and a span has one report of a plan.

By the clock each is made as the person behind the plan, by hand as whoever presses the button, with what they may see
at that moment: of a client that they lost meanwhile nothing is told.
"""

import datetime as dt

import structlog
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Problem
from fleet.reports import links, making, plans, spans
from fleet.reports.models import Report, ReportAddress, ReportPlan
from fleet.reports.spans import Span
from organizations import access, owner_notices
from organizations.actions import trail
from organizations.hostnames.serving import address_for
from organizations.keys.authentication import acting_for

log = structlog.get_logger(__name__)

BATCH = 100
MAILED_LINKS_LAST = dt.timedelta(days=30)


def preview(*, by: Actor, plan: ReportPlan) -> making.Figures:
    """What the report of the last whole span would tell; nothing is kept. Args: plan: it need not be saved."""
    access.require(by, "report.manage", plan.organization_id)
    return _figures(by, plan, spans.last_whole(plan.every, plan.time_zone, timezone.now()))


@transaction.atomic
def issue_now(*, by: Actor, plan: ReportPlan) -> Report:
    """
    Issue the report of the last whole span as `by`, with what they see, and mail it.

    Raises Conflict where there is one, Forbidden.
    """
    standing = access.require(by, "report.manage", plan.organization_id)
    plan = plans.locked(plan)
    span = spans.last_whole(plan.every, plan.time_zone, timezone.now())
    if Report.objects.filter(plan=plan, begins_at=span[0], ends_at=span[1]).exists():
        raise Conflict(
            "The report of the last whole span was issued already. Nothing was made.",
            code="ALREADY_ISSUED",
            hint="Find it in the list of reports.",
        )
    report = _issue(by, plan, _figures(by, plan, span), span)
    trail.record(by, standing, "fleet.report.issue", report.pk, name=report.name, clients=_clients_of(report))
    return report


def due() -> list[dict[str, str]]:
    """Plans of which a report is to be made now: `id` and `organization_id` of each."""
    now = timezone.now()
    return rls.call("report_plans_due", now, BATCH, otherwise=lambda: _due(now))


def look(organization_id: str, plan_id: str) -> None:
    """Issue all reports of one plan that are due."""
    while _issued_one(organization_id, plan_id):
        pass


def _issued_one(organization_id: str, plan_id: str) -> bool:
    with rls.acting_as(f"org:{organization_id}"):
        due_now = ReportPlan.objects.select_for_update(of=("self",)).select_related("organization")
        plan = due_now.filter(pk=plan_id, due_at__lte=timezone.now()).first()
        if plan is None or plan.due_at is None:
            return False
        span = spans.reported_at(plan.every, plan.time_zone, plan.due_at, plan.owed_from)
        try:
            _issue_as_planned(plan, span)
            plan.reason = ""
        except Problem as problem:
            _note_refusal(plan, problem)
        plan.due_at, plan.owed_from = spans.due_after(plan.every, plan.time_zone, span[1]), None
        plan.save(update_fields=["due_at", "owed_from", "reason"])
        return True


def _issue_as_planned(plan: ReportPlan, span: Span) -> None:
    if Report.objects.filter(plan=plan, begins_at=span[0], ends_at=span[1]).exists():
        return  # somebody issued it by hand
    reason = f"planned report {plan.pk}"
    actor = acting_for(plan.acts_as, plan.acts_with, request_id=plan.pk, address=plan.acted_from, reason=reason)
    with rls.acting_as(actor.rls_actor):
        access.require(actor, "report.manage", plan.organization_id)
        made = _figures(actor, plan, span)
    report = _issue(actor, plan, made, span)
    facts = {"name": report.name, "clients": _clients_of(report)}
    trail.record(actor, plan.organization_id, "fleet.report.issue", report.pk, **facts)


def _note_refusal(plan: ReportPlan, problem: Problem) -> None:
    """The plan stands, and tries its next span: whoever looks after reports is told."""
    log.info("report_not_made", plan=plan.pk, code=problem.code)
    before, plan.reason = plan.reason, problem.detail[:300]
    if before != plan.reason:
        facts = {"name": mail.unlinked(plan.name), "why": problem.detail, "plan_id": plan.pk}
        owner_notices.tell_those_who_may("report.manage", plan.organization, "report_failed", **facts)


def _figures(actor: Actor, plan: ReportPlan, span: Span) -> making.Figures:
    asked = {"clients": plan.clients, "parts": plan.parts, "span": span, "zone": plan.time_zone}
    return making.figures(actor, plan.organization, **asked)


def _issue(by: Actor, plan: ReportPlan, made: making.Figures, span: Span) -> Report:
    report = Report.objects.create(
        organization_id=plan.organization_id,
        plan=plan,
        name=plan.name,
        begins_at=span[0],
        ends_at=span[1],
        time_zone=plan.time_zone,
        figures=made,
        issued_as=by.user_id,
    )
    with rls.acting_as(f"org:{plan.organization_id}"):
        _mail_members(plan, report)
        _mail_addresses(by, plan, report)
    return report


def _mail_members(plan: ReportPlan, report: Report) -> None:
    """To whoever still belongs there; the page shows each of them what they may see themselves."""
    facts = {"title": mail.unlinked(report.title), "report_id": report.pk}
    owner_notices.tell_members(plan.members, plan.organization, "report_issued", **facts)


def _mail_addresses(by: Actor, plan: ReportPlan, report: Report) -> None:
    """To addresses that an owner still lets have it, each by a link of its own that ends."""
    public_base = address_for(plan.organization_id)
    allowed = ReportAddress.objects.filter(organization=plan.organization_id, email__in=plan.addresses)
    for each in allowed:
        link, token = links.write(by, report, MAILED_LINKS_LAST, sent_to=each.email)
        context = {
            "title": mail.unlinked(report.title),
            "organization": mail.unlinked(plan.organization.name),
            "path": reverse("fleet:public-report", args=[token]),
            "until": link.expires_at,
        }
        mail.write(
            to=each.email,
            template="report_link",
            context=context,
            organization_id=plan.organization_id,
            public_base=public_base,
        )


def _clients_of(report: Report) -> int:
    return len(report.figures["clients"])


def _due(now: dt.datetime) -> list[dict[str, str]]:
    rows = ReportPlan.objects.filter(due_at__lte=now).order_by("due_at")
    return [{"id": row.pk, "organization_id": row.organization_id} for row in rows[:BATCH]]
