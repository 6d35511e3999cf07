"""Pages of an organization's host names: claim, look for the record, give up."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations import queries
from organizations.actions import hostnames as actions
from organizations.frame import Link
from organizations.hostnames.forms import HostnameForm
from organizations.hostnames.naming import platform_host
from organizations.hostnames.serving import address_for
from organizations.models import Hostname, Organization
from organizations.settings_page import managed_organization, organization_of, settings_page
from organizations.sso.settings.rows import claim_row

HERE = "settings:hostnames"


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hostnames(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Claimed host names, with the records to publish for each; on POST, claim one."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    rows = [claim_row(hostname) for hostname in queries.hostnames_of(actor, organization)]
    form = HostnameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            claimed = actions.claim(by=actor, organization=organization, **form.cleaned_data)
            messages.success(request, f"{claimed.name} is claimed. Publish its records next.")
            return redirect(HERE, organization_id)
    context = {
        "hostnames": rows,
        "form": form,
        "cname": platform_host(),
        "linked_at": address_for(organization.pk),
    }
    return settings_page(
        request,
        organization,
        "brand",
        "Host names",
        context,
        form=form,
        template="organizations/settings/hostnames.html",
        crumbs=(Link("Brand", reverse("settings:brand", args=[organization_id])),),
    )


@calls_out
@login_required
@require_POST
def check(request: HttpRequest, organization_id: str, hostname_id: str) -> HttpResponse:
    """Look for the record now."""
    organization = _managed(request, organization_id)
    found = actions.check(by=actor_of(request), organization=organization, hostname_id=hostname_id)
    tell = messages.success if found.state == Hostname.State.PROVEN else messages.warning
    tell(request, f"{found.name}: {found.looked_words}")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def give_up(request: HttpRequest, organization_id: str, hostname_id: str) -> HttpResponse:
    """Take a claim back."""
    organization = _managed(request, organization_id)
    actions.give_up(by=actor_of(request), organization=organization, hostname_id=hostname_id)
    messages.success(request, "The host name is given up.")
    return redirect(HERE, organization_id)


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    return managed_organization(request, organization_id, actions.PERMISSION)
