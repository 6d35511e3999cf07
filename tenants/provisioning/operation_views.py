"""Operations: the list, one with its steps, retry and cancel, and what is under way in an organization."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.keyset import page_of, pager
from organizations import access
from organizations import queries as organizations
from organizations.frame import Link
from organizations.msp.reach import reach_of
from organizations.names import names_of
from tenants.provisioning import actions, queries
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import TenantNotFound
from tenants.provisioning.timeline import tell
from tenants.provisioning.views import asker_of, may_abandon, may_cancel, may_retry

MOST_WATCHED = 20

CANCEL_WORDS = {
    False: "Nothing has begun yet: it simply ends.",
    True: "What was built already is stopped again; nothing keeps running.",
}


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant's operations, newest first."""
    actor, tenant, permissions = _entered(request, tenant_id)
    page = page_of(queries.operations_of(actor, tenant), cursor=request.GET.get("cursor"))
    names = names_of(operation.requested_by for operation in page.rows)
    rows = []
    for operation in page.rows:
        timeline = tell(operation)
        rows.append(
            {
                "operation": operation,
                "title": timeline.title,
                "mark": timeline.mark,
                "done": timeline.done,
                "total": timeline.total,
                "asked_by": asker_of(operation, names),
            }
        )
    frame = tenant_frame(request, tenant, permissions, here="Operations", section="operations")
    return render(
        request, "tenants/operations.html", {"tenant": tenant, "rows": rows, "page": pager(page), "frame": frame}
    )


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, operation_id: str) -> HttpResponse:
    """One operation with its steps."""
    actor, tenant, permissions = _entered(request, tenant_id)
    operation = _of(tenant, queries.operation(actor, operation_id))
    timeline = tell(operation)
    crumb = Link("Operations", reverse("tenants:operations", args=[tenant.pk]))
    context = {
        "tenant": tenant,
        "timeline": timeline,
        "asked_by": asker_of(operation, names_of([operation.requested_by])),
        "can_retry": may_retry(operation, permissions),
        "can_abandon": may_abandon(operation, permissions),
        "can_cancel": may_cancel(operation, permissions),
        "cancel_words": CANCEL_WORDS[operation.handed_over],
        "frame": tenant_frame(request, tenant, permissions, here=timeline.title, section="operations", crumbs=[crumb]),
    }
    return render(request, "tenants/operation.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, tenant_id: str, operation_id: str) -> HttpResponse:
    """Go on with a failed operation."""
    actor, tenant, _ = _entered(request, tenant_id)
    operation = _of(tenant, queries.operation(actor, operation_id))
    actions.retry(by=actor, operation=operation)
    messages.success(request, "It goes on from the step that failed.")
    return redirect("tenants:overview", tenant.pk)


@login_required
@require_POST
def cancel(request: HttpRequest, tenant_id: str, operation_id: str) -> HttpResponse:
    """Take back an operation that is going on."""
    actor, tenant, _ = _entered(request, tenant_id)
    operation = _of(tenant, queries.operation(actor, operation_id))
    actions.cancel(by=actor, operation=operation)
    messages.success(request, "Cancelled. What had begun is undone.")
    return redirect("tenants:overview", tenant.pk)


@login_required
@require_safe
def activity(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What is under way in an organization and its clients, for the top bar; says when something watched has ended."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "tenant.view", organization)
    reach = reach_of(organization.pk) if organization.is_msp else [organization.pk]
    running = list(queries.running_operations(actor, reach)[:MOST_WATCHED])
    watched = [key for key in request.GET.get("watched", "").split(",") if key][:MOST_WATCHED]
    ended = queries.operations_visible_to(actor).filter(pk__in=watched).exclude(state__in=Operation.OPEN)
    context = {
        "organization": organization,
        "running": [tell(operation) for operation in running],
        "ended": [tell(operation) for operation in ended],
        "watched": ",".join(operation.pk for operation in running),
    }
    return render(request, "tenants/activity.html", context)


def _entered(request: HttpRequest, tenant_id: str) -> tuple[Actor, Tenant, frozenset[str]]:
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    return actor, tenant, access.require(actor, "tenant.view", tenant.organization_id).permissions


def _of(tenant: Tenant, operation: Operation) -> Operation:
    """The operation, if it belongs to the tenant of the address: otherwise a link could mislead about both."""
    if operation.tenant_id != tenant.pk:
        raise TenantNotFound
    return operation
