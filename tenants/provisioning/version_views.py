"""Buttons that change a tenant's version or sizes."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import Actor, actor_of
from tenants.provisioning import queries, versions
from tenants.provisioning.models import Operation, Tenant


@login_required
@require_POST
def upgrade(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have a tenant run another version."""
    version = request.POST.get("version", "")
    words = f"changes to version {version}. It is backed up first, and rolled back by itself if it does not serve."
    return _asked(request, tenant_id, words, lambda by, tenant: versions.upgrade(by=by, tenant=tenant, version=version))


@login_required
@require_POST
def rollback(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Take the last change of version back."""
    words = "goes back to the version before. Every step shows here."
    return _asked(request, tenant_id, words, lambda by, tenant: versions.roll_back(by=by, tenant=tenant))


@login_required
@require_POST
def resize(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Give a tenant the sizes of its organization's plan."""
    words = "takes the plan's sizes. Every step shows here."
    return _asked(request, tenant_id, words, lambda by, tenant: versions.resize(by=by, tenant=tenant))


def _asked(request: HttpRequest, tenant_id: str, words: str, ask: Callable[[Actor, Tenant], Operation]) -> HttpResponse:
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    ask(actor, tenant)
    messages.success(request, f"{tenant.name} {words}")
    return redirect("tenants:overview", tenant.pk)
