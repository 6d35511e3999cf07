"""The page on which an organization says how it looks."""

from collections.abc import Mapping

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations.actions import branding as actions
from organizations.branding.forms import BrandForm, LogoForm
from organizations.branding.models import LOGOS, Brand
from organizations.branding.queries import PERMISSION, Look, brand_of
from organizations.models import Organization
from organizations.settings_page import managed_organization, settings_page

HERE = "settings:brand"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def brand(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Name and colours; on POST, change them."""
    organization = _managed(request, organization_id)
    form = BrandForm.of(_own(organization), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            actions.set_brand(by=actor_of(request), organization=organization, **form.cleaned_data)
            messages.success(request, "Saved. Your pages look like this from the next click on.")
            return redirect(HERE, organization_id)
    return _page(request, organization, form)


@login_required
@require_POST
def remove(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Take the brand away."""
    actions.remove_brand(by=actor_of(request), organization=_managed(request, organization_id))
    messages.success(request, "The brand is removed. Your pages look as they did without it.")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def set_logo(request: HttpRequest, organization_id: str, scheme: str) -> HttpResponse:
    """Take a picture as the logo for light or for dark pages."""
    organization = _managed(request, organization_id)
    actions.field_of(scheme)  # before a form is shown again for it
    form = LogoForm.of(scheme, request.POST, request.FILES)
    if form.is_valid():
        with told_on(form):
            actions.set_logo(by=actor_of(request), organization=organization, scheme=scheme, content=form.read())
            messages.success(request, f"Saved for {scheme} pages.")
            return redirect(HERE, organization_id)
    return _page(request, organization, BrandForm.of(_own(organization)), refused={scheme: form})


@login_required
@require_POST
def remove_logo(request: HttpRequest, organization_id: str, scheme: str) -> HttpResponse:
    """Take a logo away."""
    organization = _managed(request, organization_id)
    actions.remove_logo(by=actor_of(request), organization=organization, scheme=scheme)
    messages.success(request, f"The logo is removed from {scheme} pages.")
    return redirect(HERE, organization_id)


def _own(organization: Organization) -> Brand | None:
    shown = brand_of(organization)
    return shown if shown and shown.pk == organization.pk else None


def _page(
    request: HttpRequest, organization: Organization, form: BrandForm, *, refused: Mapping[str, LogoForm] | None = None
) -> HttpResponse:
    shown, forms = brand_of(organization), {scheme: LogoForm.of(scheme) for scheme in LOGOS} | dict(refused or {})
    own, look = _own(organization), Look.of(shown) if shown else None
    logos = [(scheme, each, getattr(look, LOGOS[scheme], None)) for scheme, each in forms.items()]
    context = {"form": form, "own": own, "inherited": None if own else shown, "preview": form.previewed()}
    bad = next(iter(refused.values())) if refused else form
    return settings_page(request, organization, "brand", "Brand", {**context, "logos": logos, "bad": bad}, form=bad)


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    return managed_organization(request, organization_id, PERMISSION)
