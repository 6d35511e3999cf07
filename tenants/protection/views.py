"""A tenant's settings with the danger zone: start, stop, protect, delete."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from billing.entitlements import entitlement_of
from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access
from tenants.protection.deletion import abandoning
from tenants.protection.deletion import actions as deletion
from tenants.protection.exports import queries as exports
from tenants.protection.forms import WINDOW_OFFERED, BackupScheduleForm, DeleteForm, SleepForm, WindowForm
from tenants.protection.maintenance import rotation
from tenants.provisioning import actions as provisioning
from tenants.provisioning import backup_schedules, marks, numbering, queries, specs, versions
from tenants.provisioning.buttons import button, timed_button
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import DELETE, ERASE, UPGRADE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.previews import foreseen
from tenants.provisioning.prices import size_words
from tenants.provisioning.problems import TenantNotFound
from tenants.provisioning.timeline import title_of
from tenants.provisioning.windows import Window

RUNTIMES = {
    "stand-in": "Simulated nodes: processes on this machine that speak Wazuh's interfaces. No real containers.",
    "docker": "Containers of a local engine.",
    "cloudflare": "Containers on Cloudflare.",
}

start = button(provisioning.start, "starts. Every step shows here.")
stop = button(provisioning.stop, "stops. Its data stay.")
rotate_certificates = timed_button(rotation.rotate_certificates, "gets new certificates. Every step shows here.")
rotate_credentials = timed_button(rotation.rotate_credentials, "gets new passwords. Every step shows here.")


@login_required
@require_safe
def settings(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What the tenant is made of, and what can be done to it."""
    return settings_page(request, queries.find(actor_of(request), tenant_id), DeleteForm())


@login_required
@require_POST
def protect(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Protect a tenant from deletion, or lift that."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    wanted = request.POST.get("protected") == "yes"
    deletion.set_protection(by=actor, tenant=tenant, protected=wanted)
    messages.success(request, "Deletion is refused from now on." if wanted else "The protection is lifted.")
    return redirect("tenants:settings", tenant.pk)


@login_required
@require_POST
def number(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Say what a tenant is called outside."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    numbering.number(by=actor, tenant=tenant, external_id=request.POST.get("external_id", "").strip())
    messages.success(request, f"The external id of {tenant.name} is kept.")
    return redirect("tenants:settings", tenant.pk)


@login_required
@require_POST
def delete(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Put a tenant whose name was typed into the recycle bin."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    form = DeleteForm(request.POST)
    if form.is_valid():
        with told_on(form):
            deletion.delete(by=actor, tenant=tenant, confirm_name=form.cleaned_data["confirm_name"])
            kept = f"{tenant.name} is in the recycle bin. Its data are kept for {deletion.KEPT.days} days."
            messages.success(request, kept)
            return redirect("tenants:bin", tenant.organization_id)
    return settings_page(request, tenant, form)


@login_required
@require_POST
def abandon(request: HttpRequest, tenant_id: str, operation_id: str) -> HttpResponse:
    """Give up an operation that failed, and undo what it left."""
    actor = actor_of(request)
    operation = queries.operation(actor, operation_id)
    if operation.tenant_id != tenant_id:
        raise TenantNotFound
    begun = abandoning.abandon(by=actor, operation=operation)
    messages.success(
        request, f"{title_of(operation.kind)} is abandoned. {title_of(begun.kind)}: every step shows here."
    )
    return redirect("tenants:overview", tenant_id)


def settings_page(
    request: HttpRequest,
    tenant: Tenant,
    form: DeleteForm,
    window_form: WindowForm | None = None,
    schedule_form: BackupScheduleForm | None = None,
) -> HttpResponse:
    """
    The page with the form for a typed name, of deletion or, in the recycle bin, of erasure.

    Args:
        window_form, schedule_form: of the maintenance window or of backups, where something of it was to be mended.
    """
    actor = actor_of(request)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    drift = queries.drift(tenant)
    faulty = window_form or schedule_form or form
    most_days = entitlement_of(tenant.organization_id).max_retention_days
    context = {
        "tenant": tenant,
        "drift": drift,
        "drift_mark": marks.OF_DRIFT[drift.verdict],
        "form": form,
        "sleep_form": SleepForm(minutes=tenant.sleep_after_minutes),
        "sizes": [(role, _size(size)) for role, size in tenant.spec.get("roles", {}).items()],
        "runtime_words": RUNTIMES.get(tenant.runtime, tenant.runtime),
        "window": Window.read(tenant.maintenance_window) if tenant.maintenance_window else None,
        "window_form": window_form or WindowForm(initial=tenant.maintenance_window or WINDOW_OFFERED),
        "schedule_form": schedule_form or BackupScheduleForm(tenant=tenant, most_days=most_days),
        "schedule_words": backup_schedules.words(tenant.backup_schedule),
        "faulty": faulty,
        "next_window": tenant.next_window,
        "rings": Tenant.Ring.choices,
        "scheduled": tenant.operations.filter(state=Operation.State.SCHEDULED).first(),
        **_possible(tenant, permissions),
        **_changes(tenant, permissions),
        "previews": {UPGRADE: foreseen(UPGRADE, organization_id=tenant.organization_id, tenant=tenant)},
        "may_export": "tenant.delete" in permissions and tenant.ever_sent,
        "newest_export": next((each for each in exports.exports_of(actor, tenant) if each.can_be_downloaded), None),
        "delete_preview": foreseen(
            ERASE if tenant.in_bin else DELETE, organization_id=tenant.organization_id, tenant=tenant
        ),
        "frame": tenant_frame(request, tenant, permissions, here="Settings", section="settings"),
    }
    return render(request, "tenants/settings.html", context, status=422 if faulty.errors else 200)


def _possible(tenant: Tenant, permissions: frozenset[str]) -> dict[str, Any]:
    busy = queries.in_the_way(tenant)
    going = tenant.requested == Tenant.Requested.DELETED
    may_operate = "tenant.operate" in permissions and busy is None and not tenant.is_leaving
    may_delete = "tenant.delete" in permissions and not going
    return {
        "busy": title_of(busy.kind) if busy else "",
        "going": going,
        "days_kept": deletion.KEPT.days,
        "can_undelete": may_delete and tenant.in_bin,
        "can_stop": may_operate and tenant.requested == Tenant.Requested.RUNNING,
        "can_start": may_operate and tenant.requested == Tenant.Requested.STOPPED,
        "can_set_sleep": may_operate,
        "can_set_window": "tenant.operate" in permissions and not tenant.is_leaving,
        "can_number": "tenant.operate" in permissions and not going,
        "can_protect": may_delete,
        "can_delete": may_delete and not tenant.protected,
    }


def _changes(tenant: Tenant, permissions: frozenset[str]) -> dict[str, Any]:
    """What version and sizes the tenant could have instead."""
    busy = queries.in_the_way(tenant)
    roles = versions.planned_roles(tenant)
    current = tenant.spec["version"]
    offered = [each for each in tenant.cell.versions if each != current]
    return {
        "can_change": "tenant.operate" in permissions and not busy and tenant.status in ("running", "attention"),
        "versions": [each for each in offered if specs.series_of(each) >= specs.series_of(current)],
        "version_before": versions.version_before(tenant),
        "can_resize": roles != tenant.spec.get("roles"),
        "plan_sizes": [f"{role} {_size(size)}" for role, size in roles.items()],
    }


def _size(size: dict[str, Any]) -> str:
    count, instance = size.get("count", 1), str(size.get("instance", ""))
    return f"{count} × {instance}: {size_words(instance)}"
