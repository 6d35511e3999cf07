"""Reports: what is planned and was issued, a new plan with a preview of its figures, one report."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from controlplane.problems import NotFound
from fleet.reports import downloads, issuing, links, making, plans, queries
from fleet.reports.files import FORMS, file_name, readable
from fleet.reports.forms import PlanForm, ReportLinkForm
from fleet.reports.models import Report, ReportPlan
from organizations import access
from organizations import queries as organizations
from organizations.accounts.forms import EmailForm
from organizations.branding.queries import printed_for
from organizations.frame import Frame, Link, frame_for
from organizations.hostnames.serving import link_of
from organizations.models import Organization


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What is planned, and what was issued."""
    return _listing(request, organizations.find(actor_of(request), organization_id), EmailForm())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask what is to be reported; show the figures of the last whole span; on POST, plan it."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "report.manage", organization)
    given = request.POST if request.method == "POST" else request.GET
    form = _form(actor, organization, given if "name" in given else None)
    figures = None
    if form.is_bound and form.is_valid():
        with told_on(form):
            if request.method == "POST" and "preview" not in request.POST:
                plan = plans.create(by=actor, organization=organization, terms=form.terms)
                messages.success(request, f"“{plan.name}” is planned.")
                return redirect("fleet:report-plan", organization.pk, plan.pk)
            plans.check(actor, organization, form.terms)
            figures = readable(issuing.preview(by=actor, plan=plans.unsaved(organization, form.terms)))
    frame = _frame(request, organization, "Plan a report", *_crumbs(organization))
    context = {"form": form, "figures": figures, "frame": frame}
    return render(request, "fleet/report_new.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, organization_id: str, plan_id: str) -> HttpResponse:
    """One planned report with what was issued of it; on POST, it is changed."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    found = queries.plan(actor, organization, plan_id)
    if request.method == "POST":
        access.require(actor, "report.manage", organization)
    may = _may(actor, organization)
    form = _form(actor, organization, request.POST if request.method == "POST" else None, found) if may else None
    if request.method == "POST" and form is not None and form.is_valid():
        with told_on(form):
            plans.change(by=actor, plan=found, terms=form.terms)
            messages.success(request, f"“{form.terms.name}” is made so from now on.")
            return redirect("fleet:report-plan", organization.pk, found.pk)
    page = page_of(queries.reports_of(actor, organization).filter(plan=found), cursor=request.GET.get("cursor") or None)
    context = {
        "plan": found,
        "form": form,
        "reports": page.rows,
        "page": pager(page),
        "frame": _frame(request, organization, found.name, *_crumbs(organization)),
    }
    return render(request, "fleet/report_plan.html", context, status=422 if form is not None and form.errors else 200)


@login_required
@require_POST
def issue(request: HttpRequest, organization_id: str, plan_id: str) -> HttpResponse:
    """Issue the report of the last whole span now."""
    actor = actor_of(request)
    found = queries.plan(actor, organizations.find(actor, organization_id), plan_id)
    report = issuing.issue_now(by=actor, plan=found)
    messages.success(request, "The report was issued, and goes to whoever is to have it.")
    return redirect("fleet:report", organization_id, report.pk)


@login_required
@require_POST
def delete(request: HttpRequest, organization_id: str, plan_id: str) -> HttpResponse:
    """Make a planned report no more."""
    actor = actor_of(request)
    plans.delete(by=actor, plan=queries.plan(actor, organizations.find(actor, organization_id), plan_id))
    messages.success(request, "It is made no more. Reports that were issued stay.")
    return redirect("fleet:reports", organization_id)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, report_id: str) -> HttpResponse:
    """One issued report."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    return _report(request, organization, queries.report(actor, organization, report_id))


@login_required
@require_POST
def file(request: HttpRequest, organization_id: str, report_id: str, form: str) -> HttpResponse:
    """The report as a file, with the clients that its reader sees."""
    actor = actor_of(request)
    found = queries.report(actor, organizations.find(actor, organization_id), report_id)
    answer = as_file(queries.figures_for(actor, found), found, form)
    downloads.note(by=actor, report=found, form=form)
    return answer


@login_required
@never_cache
@require_POST
def make_link(request: HttpRequest, organization_id: str, report_id: str) -> HttpResponse:
    """Make a public link, and show it this once."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    found, form = queries.report(actor, organization, report_id), ReportLinkForm(request.POST)
    if form.is_valid():
        with told_on(form):
            link, token = links.make(by=actor, report=found, days=form.cleaned_data["days"])
            address = link_of(organization.pk, "fleet:public-report", token)
            return _report(request, organization, found, made=link, address=address)
    access.require(actor, "report.manage", organization)
    return _report(request, organization, found, link_form=form)


@login_required
@require_POST
def revoke_link(request: HttpRequest, organization_id: str, report_id: str, report_link_id: str) -> HttpResponse:
    """Shut a public link."""
    actor = actor_of(request)
    found = queries.report(actor, organizations.find(actor, organization_id), report_id)
    links.revoke(by=actor, report=found, link_id=report_link_id)
    messages.success(request, "The link opens nothing any more.")
    return redirect("fleet:report", organization_id, report_id)


@login_required
@require_POST
def allow_address(request: HttpRequest, organization_id: str) -> HttpResponse:
    """An owner lets reports be mailed to an address."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    form = EmailForm(request.POST)
    if form.is_valid():
        with told_on(form):
            made = plans.allow_address(by=actor, organization=organization, email=form.cleaned_data["email"])
            messages.success(request, f"Reports may be mailed to {made.email}.")
            return redirect("fleet:reports", organization_id)
    access.require_own(actor, "organization.manage", organization)
    return _listing(request, organization, form)


@login_required
@require_POST
def remove_address(request: HttpRequest, organization_id: str, address_id: str) -> HttpResponse:
    """Mail nothing to an address any more."""
    actor = actor_of(request)
    plans.remove_address(by=actor, organization=organizations.find(actor, organization_id), address_id=address_id)
    messages.success(request, "Nothing is mailed there any more.")
    return redirect("fleet:reports", organization_id)


def as_file(figures: making.Figures, report: Report, form: str) -> HttpResponse:
    """A report as a file. Raises NotFound for a form that there is none of."""
    if form not in FORMS:
        raise NotFound(f"A report comes as one of {', '.join(FORMS)}.")
    media, make = FORMS[form]
    name = content_disposition_header(as_attachment=True, filename=file_name(report.title, form))
    headers = {"Content-Disposition": name or "attachment", "Cache-Control": "no-store"}
    return HttpResponse(
        make(figures, report.title, printed_for(report.organization_id)), content_type=media, headers=headers
    )


def _listing(request: HttpRequest, organization: Organization, form: EmailForm) -> HttpResponse:
    actor = actor_of(request)
    page = page_of(queries.reports_of(actor, organization), cursor=request.GET.get("cursor") or None)
    frame = _frame(request, organization, "Reports")
    may = "report.manage" in frame.permissions
    context = {
        "plans": queries.plans_of(actor, organization),
        "reports": page.rows,
        "page": pager(page),
        "can_manage": may,
        "can_allow": "organization.manage" in frame.permissions,
        "addresses": queries.addresses_of(actor, organization) if may else [],
        "email_form": form,
        "frame": frame,
    }
    return render(request, "fleet/reports.html", context, status=422 if form.errors else 200)


def _report(request: HttpRequest, organization: Organization, report: Report, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    frame = _frame(request, organization, report.title, *_crumbs(organization))
    may = "report.manage" in frame.permissions
    context: dict[str, Any] = {
        "report": report,
        "figures": readable(queries.figures_for(actor, report)),
        "can_manage": may,
        "links": queries.links_of(actor, report) if may else [],
        "link_form": ReportLinkForm(),
        "frame": frame,
        **more,
    }
    return render(request, "fleet/report.html", context, status=422 if context["link_form"].errors else 200)


def _form(actor: Actor, organization: Organization, data: Any, plan: ReportPlan | None = None) -> PlanForm:
    reached = making.reached(actor, organization)
    members = organizations.members_of(actor, organization)
    addresses = queries.addresses_of(actor, organization)
    initial = {}
    if plan is not None:
        names = ("name", "clients", "parts", "every", "time_zone", "members", "addresses")
        initial = {**{name: getattr(plan, name) for name in names}, "active": plan.due_at is not None}
    return PlanForm(
        data,
        clients=[(each.pk, each.name) for each in reached] if organization.is_msp else [],
        members=[(each.user_id, str(each.user)) for each in members],
        addresses=[each.email for each in addresses],
        initial=initial,
    )


def _may(actor: Actor, organization: Organization) -> bool:
    return "report.manage" in access.require(actor, "tenant.view", organization).permissions


def _crumbs(organization: Organization) -> tuple[Link, ...]:
    return (Link("Reports", reverse("fleet:reports", args=[organization.pk])),)


def _frame(request: HttpRequest, organization: Organization, here: str, *crumbs: Link) -> Frame:
    return frame_for(request, organization, here=here, section="reports", crumbs=crumbs)
