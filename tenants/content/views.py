"""A tenant's content: what counts, what publishing would change, the ways back, and trying an event."""

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from controlplane.problems import Problem
from organizations import access
from organizations.frame import Frame, Link
from organizations.names import names_of
from tenants.content import publishing, queries, states, trials
from tenants.content.forms import LogtestForm
from tenants.content.models import ContentFile
from tenants.content.rows import bundle_row, change_row, effective_row, of_state
from tenants.provisioning import queries as tenants
from tenants.provisioning.buttons import asked, when_of, words_for
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import CONTENT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.previews import foreseen

PUBLISHED = "takes the content. Every step shows here."


@login_required
@require_safe
def content(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What counts for a tenant, from whom each file is, and what publishing would change."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    frame = content_frame(request, tenant, "Rules and content")
    last = queries.publications_of(actor, tenant).first()
    failed = last if last is not None and last.state == Operation.State.FAILED else None
    state = states.state_of(actor, tenant)
    # What was refused is wanted no more, so that its operation alone still tells why.
    state["error"] = state["error"] or (failed.error if failed else None)
    changes = {(each.kind, each.name): each for each in state["changes"]}
    own = {(file.kind, file.name): file.pk for file in queries.files_of_tenant(actor, tenant).filter(withdrawn_at=None)}
    page = page_of(queries.bundles_of(actor, tenant), cursor=request.GET.get("cursor"), limit=20)
    names = names_of(bundle.created_by for bundle in page.rows)
    gone = [change for key, change in changes.items() if key not in {each.given.key for each in state["files"]}]
    before = publishing.before(tenant)
    context = {
        "tenant": tenant,
        "state": state,
        "failed": failed,
        "mark": of_state(state),
        "files": [effective_row(each, changes, own) for each in state["files"]],
        "gone": [change_row(each) for each in gone],
        "changes": [change_row(each) for each in state["changes"]],
        "bundles": [bundle_row(bundle, tenant, names) for bundle in page.rows],
        "page": pager(page),
        "before": before,
        "preview": foreseen(CONTENT, organization_id=tenant.organization_id, tenant=tenant),
        "next_window": tenant.next_window,
        "busy": tenants.in_the_way(tenant),
        "may_publish": "tenant.operate" in frame.permissions and tenant.status in ("running", "attention"),
        "may_edit": "tenant.operate" in frame.permissions and not tenant.is_leaving,
        "frame": frame,
    }
    return render(request, "tenants/content.html", context)


@login_required
@require_POST
def publish(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have the manager run what counts now."""
    act = partial(publishing.publish, when=when_of(request))
    return asked(request, tenant_id, act, words_for(request, PUBLISHED))


@login_required
@require_safe
def bundle(request: HttpRequest, tenant_id: str, bundle_id: str) -> HttpResponse:
    """One bundle: its files, and what returning to it would change."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    found = queries.bundle(actor, tenant, bundle_id)
    frame = content_frame(request, tenant, f"Content {found.digest[:12]}", _crumb(tenant))
    context = {
        "tenant": tenant,
        "bundle": bundle_row(found, tenant, names_of([found.created_by])),
        "files": [
            {**each, "kind_words": ContentFile.Kind(each["kind"]).label, "text": found.texts[each["sha256"]]}
            for each in found.files
        ],
        "changes": [change_row(each) for each in states.changes_to(tenant, found)],
        "next_window": tenant.next_window,
        "may_publish": "tenant.operate" in frame.permissions and tenant.status in ("running", "attention"),
        "frame": frame,
    }
    return render(request, "tenants/content_bundle.html", context)


@login_required
@require_POST
def return_to(request: HttpRequest, tenant_id: str, bundle_id: str) -> HttpResponse:
    """Have the manager run what it ran once."""
    actor = actor_of(request)
    found = queries.bundle(actor, tenants.find(actor, tenant_id), bundle_id)

    def act(*, by: Any, tenant: Tenant) -> Operation:
        return publishing.return_to(by=by, bundle=found, when=when_of(request))

    return asked(request, tenant_id, act, words_for(request, "returns to earlier content. Every step shows here."))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def logtest(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Try one line of a log at the tenant's manager."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    access.require(actor, "tenant.operate", tenant.organization_id)
    form = LogtestForm(request.POST or None)
    result, problem = None, None
    if request.method == "POST" and form.is_valid():
        given = {**form.cleaned_data, "location": form.cleaned_data["location"] or trials.DEFAULT_LOCATION}
        with told_on(form):
            try:
                result = trials.try_event(by=actor, tenant=tenant, **given)
            except Problem as refused:
                problem = refused
                if refused.status < 500:
                    raise
    context = {
        "tenant": tenant,
        "form": form,
        "result": result,
        "problem": problem if problem and not form.errors else None,
        "data": sorted(result["output"].get("data", {}).items()) if result else [],
        "frame": content_frame(request, tenant, "Try an event", _crumb(tenant)),
    }
    return render(request, "tenants/logtest.html", context, status=422 if form.errors else 200)


def content_frame(request: HttpRequest, tenant: Tenant, here: str, *crumbs: Link) -> Frame:
    """The frame of a page about a tenant's content."""
    permissions = access.require(actor_of(request), "tenant.view", tenant.organization_id).permissions
    return tenant_frame(request, tenant, permissions, here=here, section="content", crumbs=crumbs)


def _crumb(tenant: Tenant) -> Link:
    return Link("Rules and content", reverse("tenants:content", args=[tenant.pk]))
