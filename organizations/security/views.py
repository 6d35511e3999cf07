"""The page on which an organization says what it demands of whoever enters."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import queries
from organizations.actions import security as actions
from organizations.models import Connection, Organization
from organizations.security.forms import EntryForm, TrustForm
from organizations.settings_page import managed_organization, settings_page

HERE = "settings:security"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def security(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Second factor, networks and limits; on POST, change them."""
    organization = _managed(request, organization_id)
    form = EntryForm.of(organization, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            actions.change(by=actor_of(request), organization=organization, **form.wanted())
            messages.success(request, "Saved. Who does not meet it is asked at their next click.")
            return redirect(HERE, organization_id)
    return _page(request, organization, form)


@login_required
@require_POST
def trust_second_factor(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Say whether a connection's sign-ins count as a second factor."""
    organization = _managed(request, organization_id)
    connection = queries.connection(actor_of(request), organization, connection_id)
    form = TrustForm.of(connection, request.POST)
    if form.is_valid():
        with told_on(form):
            actions.trust_second_factor(
                by=actor_of(request), organization=organization, connection_id=connection_id, **form.wanted()
            )
            messages.success(request, f"Saved for {connection.name}.")
            return redirect(HERE, organization_id)
    return _page(request, organization, EntryForm.of(organization), connection=connection, trust_form=form)


@login_required
@require_POST
def sign_everybody_out(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Have everybody sign in anew."""
    actions.sign_everybody_out(by=actor_of(request), organization=_managed(request, organization_id))
    messages.success(
        request, "Everybody is signed out here, and what was open at the edge closes. You sign in anew, too."
    )
    return redirect(HERE, organization_id)


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    return managed_organization(request, organization_id, actions.PERMISSION)


def _page(
    request: HttpRequest,
    organization: Organization,
    form: EntryForm,
    *,
    connection: Connection | None = None,
    trust_form: TrustForm | None = None,
) -> HttpResponse:
    connections = Connection.objects.filter(organization=organization)
    rows = [(one, trust_form if one == connection else TrustForm.of(one)) for one in connections]
    context = {
        "form": form,
        "connections": rows,
        "address": actor_of(request).address,
    }
    bad = trust_form if trust_form and trust_form.errors else form
    return settings_page(request, organization, "security", "Security", context, form=bad)
