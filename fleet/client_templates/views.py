"""An MSP's templates: the list, a new one, and one with the clients that have it and what differs there."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.keyset import page_of, pager
from fleet.client_templates import actions, queries
from fleet.client_templates.drift import drift_of
from fleet.client_templates.forms import TemplateForm, told_on_settings
from fleet.client_templates.merging import asked_for, below
from fleet.client_templates.models import ClientTemplate
from fleet.client_templates.rows import drift_rows, template_row, version_row, wanted_rows
from fleet.clients.rows import MOST_COUNTED, counted
from organizations import access
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization
from organizations.names import names_of
from tenants.content.models import ContentFile

MOST_NAMED = 20
"""Clients that a page names beside its list; whoever looks for another searches."""
LONGEST_SEARCH = 80


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The MSP's templates, newest first."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    page = page_of(queries.templates_of(actor, msp), cursor=request.GET.get("cursor") or None)
    clients = queries.count_by_template(actor, msp, page.rows)
    frame = template_frame(request, msp, "Templates")
    context = {
        "templates": [template_row(each, clients) for each in page.rows],
        "page": pager(page),
        "can_manage": "client.manage" in frame.permissions and msp.is_msp,
        "frame": frame,
    }
    return render(request, "fleet/client_templates.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """A new template."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    access.require(actor, "client.manage", msp)
    form = _form(request, actor, msp, None)
    if form.is_bound and form.is_valid():
        with told_on_settings(form):
            template = actions.create(by=actor, msp=msp, **form.asked())
            messages.success(request, f"{template.name} is kept. Give it to clients on their pages.")
            return redirect("fleet:client-template", msp.pk, template.pk)
    frame = template_frame(request, msp, "New template", crumb(msp))
    context = {"form": form, "frame": frame}
    return render(request, "fleet/client_template_edit.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, template_id: str) -> HttpResponse:
    """One template: what it asks for, who has it, and where tenants differ."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    template = queries.template(actor, msp, template_id)
    templates = queries.all_of(msp.pk)
    uses = queries.uses_of(actor, msp).filter(template__in=[each.pk for each in below(templates, template.pk)])
    page = page_of(queries.tenants_of(actor, uses), cursor=request.GET.get("cursor") or None)
    without = list(queries.without_tenant(actor, uses)[: MOST_NAMED + 1]) if page.newer is None else []
    clients, looked_for = (
        uses.order_by()[: MOST_COUNTED + 1].count(),
        request.GET.get("client", "").strip()[:LONGEST_SEARCH],
    )
    frame = template_frame(request, msp, template.name, crumb(msp))
    can_manage = "client.manage" in frame.permissions
    free = list(queries.without_template(actor, msp, looked_for)[: MOST_NAMED + 1]) if can_manage else []
    context: dict[str, Any] = {
        "template": template,
        "wanted": wanted_rows(asked_for(templates, template.pk), template.pk, templates),
        "children": [each for each in templates.values() if each.parent_id == template.pk],
        "rows": drift_rows(drift_of(actor, msp, page.rows), queries.names_of(templates)),
        "without": without[:MOST_NAMED],
        "more_without": len(without) > MOST_NAMED,
        "page": pager(page),
        "is_used": clients > 0,
        "clients": f"{counted(clients)} client{'' if clients == 1 else 's'}",
        "can_manage": can_manage,
        "can_roll_out": "tenant.operate" in frame.permissions,
        "free": free[:MOST_NAMED],
        "more_free": len(free) > MOST_NAMED,
        "looked_for": looked_for,
        "frame": frame,
    }
    return render(request, "fleet/client_template.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, organization_id: str, template_id: str) -> HttpResponse:
    """Keep a template in another version."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    template = queries.template(actor, msp, template_id)
    access.require(actor, "client.manage", msp)
    form = _form(request, actor, msp, template)
    if form.is_bound and form.is_valid():
        with told_on_settings(form):
            based_on = form.cleaned_data["based_on"]
            actions.change(by=actor, template=template, based_on=based_on, **form.asked())
            messages.success(request, "It is kept. No tenant changes by it until you roll it out.")
            return redirect("fleet:client-template", msp.pk, template.pk)
    here = Link(template.name, reverse("fleet:client-template", args=[msp.pk, template.pk]))
    frame = template_frame(request, msp, "Edit", crumb(msp), here)
    context = {"form": form, "template": template, "frame": frame}
    return render(request, "fleet/client_template_edit.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def versions(request: HttpRequest, organization_id: str, template_id: str) -> HttpResponse:
    """What each version changed, by whom and why."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    template = queries.template(actor, msp, template_id)
    found = queries.versions_of(actor, template)
    page = page_of(found, cursor=request.GET.get("cursor") or None)
    people = names_of(version.created_by for version in page.rows)
    before = {each.number + 1: each for each in found.filter(number__in=[row.number - 1 for row in page.rows])}
    here = Link(template.name, reverse("fleet:client-template", args=[msp.pk, template.pk]))
    context = {
        "template": template,
        "versions": [version_row(each, before.get(each.number), people) for each in page.rows],
        "page": pager(page),
        "frame": template_frame(request, msp, "Versions", crumb(msp), here),
    }
    return render(request, "fleet/client_template_versions.html", context)


@login_required
@require_POST
def remove(request: HttpRequest, organization_id: str, template_id: str) -> HttpResponse:
    """Forget a template that nobody has."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    template = queries.template(actor, msp, template_id)
    actions.remove(by=actor, template=template)
    messages.success(request, f"{template.name} is gone, with its versions.")
    return redirect("fleet:client-templates", msp.pk)


def template_frame(request: HttpRequest, msp: Organization, here: str, *crumbs: Link) -> Frame:
    """The frame of a page about templates."""
    return frame_for(request, msp, here=here, section="client-templates", crumbs=crumbs)


def crumb(msp: Organization) -> Link:
    """The way back to the list."""
    return Link("Templates", reverse("fleet:client-templates", args=[msp.pk]))


def files_of(msp: Organization) -> list[str]:
    """Files that the MSP hands down, as kind/name. The caller has found the MSP as who is asking."""
    found = ContentFile.objects.filter(organization=msp, tenant=None, withdrawn_at=None).order_by("kind", "name")
    return [f"{each.kind}/{each.name}" for each in found]


def _form(request: HttpRequest, actor: Actor, msp: Organization, template: ClientTemplate | None) -> TemplateForm:
    others = list(queries.templates_of(actor, msp).order_by("name"))
    given = request.POST if request.method == "POST" else None
    return TemplateForm(
        given, templates=others, template=template, files=files_of(msp), initial={"parent": request.GET.get("parent")}
    )
