"""The page on which an organization says how it looks."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations.access import require
from organizations.actions import branding as actions
from organizations.branding.forms import BrandForm
from organizations.branding.queries import PERMISSION, brand_of
from organizations.models import Organization
from organizations.settings_page import organization_of, settings_page

HERE = "settings:brand"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def brand(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Name and colours; on POST, change them."""
    organization = _managed(request, organization_id)
    shown = brand_of(organization)
    own = shown if shown and shown.pk == organization.pk else None
    form = BrandForm.of(own, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            actions.set_brand(by=actor_of(request), organization=organization, **form.cleaned_data)
            messages.success(request, "Saved. Your pages look like this from the next click on.")
            return redirect(HERE, organization_id)
    context = {"form": form, "own": own, "inherited": None if own else shown, "preview": form.previewed()}
    return settings_page(request, organization, "brand", "Brand", context, form=form)


@login_required
@require_POST
def remove(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Take the brand away."""
    actions.remove_brand(by=actor_of(request), organization=_managed(request, organization_id))
    messages.success(request, "The brand is removed. Your pages look as they did without it.")
    return redirect(HERE, organization_id)


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    organization = organization_of(request, organization_id)
    require(actor_of(request), PERMISSION, organization)
    return organization
