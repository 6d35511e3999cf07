"""An MSP's access to its clients: what it holds, and what it asks for."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane import outbox
from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import queries
from organizations.actions import access_requests
from organizations.models import Organization
from organizations.msp.forms import AskForm
from organizations.msp.reach import reach_of
from organizations.msp.rows import grant_row, request_row
from organizations.settings_page import organization_of, settings_page

SHOWN_REQUESTS = 30


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def client_access(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Grants that the MSP holds and requests that it made; on POST, ask, and show the code this once."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            asked, code = access_requests.ask(by=actor, msp=msp, **form.cleaned_data)
            return _page(request, msp, AskForm(), asked=asked, code=code)
    return _page(request, msp, form)


@login_required
@require_POST
def take_back(request: HttpRequest, organization_id: str, request_id: str) -> HttpResponse:
    """End a request that nobody has answered yet."""
    msp = organization_of(request, organization_id)
    access_requests.take_back(by=actor_of(request), msp=msp, request_id=request_id)
    messages.success(request, "The request is taken back. Its code works no more.")
    return redirect("settings:client-access", organization_id)


def _page(request: HttpRequest, msp: Organization, form: AskForm, **shown: Any) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "grants": [grant_row(grant, grant.client) for grant in queries.grants_held_by(actor, msp)],
        "requests": [request_row(each) for each in queries.access_requests_of(actor, msp)[:SHOWN_REQUESTS]],
        "waiting": outbox.waiting(*reach_of(msp.pk)),
        "form": form,
        **shown,
    }
    template = "organizations/settings/client_access.html"
    return settings_page(request, msp, "client-access", "Access to clients", context, form=form, template=template)
