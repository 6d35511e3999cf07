"""A client's template: which it has, what the client has otherwise, and where its tenants differ."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import Actor, actor_of
from controlplane.keyset import page_of, pager
from controlplane.problems import NotFound
from fleet.client_templates import client_actions, queries
from fleet.client_templates.drift import drift_of, wanted_of
from fleet.client_templates.forms import OverrideForm, told_on_settings
from fleet.client_templates.models import TemplateUse
from fleet.client_templates.rows import drift_rows, wanted_rows
from fleet.client_templates.views import crumb, files_of, template_frame
from organizations import access
from organizations import queries as organizations
from organizations.frame import Link
from organizations.models import Organization


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, organization_id: str, client_id: str) -> HttpResponse:
    """What a client's tenants are to be. On POST, give it another template, or none."""
    actor = actor_of(request)
    msp, client = _place(actor, organization_id, client_id)
    if request.method == "POST":
        return _assign(request, actor, msp, client)
    use, templates = queries.use_of(actor, msp, client), queries.all_of(msp.pk)
    of_client = queries.uses_of(actor, msp).filter(client=client)
    page = page_of(queries.tenants_of(actor, of_client), cursor=request.GET.get("cursor") or None)
    frame = template_frame(request, msp, client.name, crumb(msp))
    context: dict[str, Any] = {
        "client": client,
        "use": use,
        "wanted": wanted_rows(wanted_of(use, templates), use.template_id, templates, use) if use else [],
        "rows": drift_rows(drift_of(actor, msp, page.rows), queries.names_of(templates)),
        "page": pager(page),
        "templates": queries.by_name(templates),
        "can_manage": "client.manage" in frame.permissions and msp.is_msp,
        "can_roll_out": "tenant.operate" in frame.permissions,
        "frame": frame,
    }
    return render(request, "fleet/client_of_template.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def overrides(request: HttpRequest, organization_id: str, client_id: str) -> HttpResponse:
    """Choose a client's template and what it has otherwise. It is kept whole or not at all."""
    actor = actor_of(request)
    msp, client = _place(actor, organization_id, client_id)
    access.require(actor, "client.manage", msp)
    use, templates = queries.use_of(actor, msp, client), queries.all_of(msp.pk)
    given = request.POST if request.method == "POST" else None
    form = OverrideForm(given, templates=queries.by_name(templates), use=use, files=files_of(msp))
    if form.is_bound and form.is_valid():
        with told_on_settings(form):
            chosen: dict[str, Any] = {"template": templates[form.cleaned_data["template"]], "settings": form.settings}
            chosen |= {name: form.cleaned_data[name] for name in ("reason", "based_on")}
            client_actions.assign(by=actor, msp=msp, client=client, **chosen)
            messages.success(request, "It is kept. No tenant changes by it until you roll the template out.")
            return redirect("fleet:client-of-template", msp.pk, client.pk)
        form.base_on(use)
    here = Link(client.name, reverse("fleet:client-of-template", args=[msp.pk, client.pk]))
    frame = template_frame(request, msp, "Overrides", crumb(msp), here)
    context = {"form": form, "client": client, "frame": frame}
    return render(request, "fleet/client_overrides.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def follow(request: HttpRequest, organization_id: str, client_id: str) -> HttpResponse:
    """Have the client be as its template in one setting again."""
    actor = actor_of(request)
    msp, client = _place(actor, organization_id, client_id)
    client_actions.follow(by=actor, use=_used(queries.use_of(actor, msp, client)), key=request.POST.get("setting", ""))
    messages.success(request, f"{client.name} follows its template there again.")
    return redirect("fleet:client-of-template", msp.pk, client.pk)


@login_required
@require_POST
def accept(request: HttpRequest, organization_id: str, client_id: str) -> HttpResponse:
    """Take what a tenant has of one setting as what the client is to have."""
    actor = actor_of(request)
    msp, client = _place(actor, organization_id, client_id)
    chosen = {"tenant_id": request.POST.get("tenant", ""), "key": request.POST.get("setting", "")}
    client_actions.accept(by=actor, use=_used(queries.use_of(actor, msp, client)), **chosen)
    messages.success(request, f"That is what {client.name} is to have from now on.")
    return redirect("fleet:client-of-template", msp.pk, client.pk)


def _place(actor: Actor, organization_id: str, client_id: str) -> tuple[Organization, Organization]:
    msp = organizations.find(actor, organization_id)
    return msp, queries.client(actor, msp, client_id)


def _used(use: TemplateUse | None) -> TemplateUse:
    if use is None:
        raise NotFound("This client has no template. Nothing was changed.", hint="Give it one first.")
    return use


def _assign(request: HttpRequest, actor: Actor, msp: Organization, client: Organization) -> HttpResponse:
    wanted = request.POST.get("template")
    template = queries.template(actor, msp, wanted) if wanted else None
    client_actions.assign(by=actor, msp=msp, client=client, template=template)
    said = f"has the template {template.name} now. No tenant changes by it until you roll it out." if template else ""
    messages.success(request, f"{client.name} {said or 'has no template any more.'}")
    return redirect("fleet:client-of-template", msp.pk, client.pk)
