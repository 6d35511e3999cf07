"""Buttons that change a tenant's version or sizes."""

from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from tenants.provisioning import versions
from tenants.provisioning.buttons import asked, button

rollback = button(versions.roll_back, "goes back to the version before. Every step shows here.")
resize = button(versions.resize, "takes the plan's sizes. Every step shows here.")


@login_required
@require_POST
def upgrade(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have a tenant run another version."""
    version = request.POST.get("version", "")
    words = f"changes to version {version}. It is backed up first, and rolled back by itself if it does not serve."
    return asked(request, tenant_id, partial(versions.upgrade, version=version), words)
