"""Buttons of pages: each asks one thing of a tenant, says so, and leads to where its steps show."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from tenants.provisioning import queries

type Ask = Callable[..., object]


def button(ask: Ask, words: str) -> Callable[[HttpRequest, str], HttpResponse]:
    """
    A view that asks something of the tenant in its address.

    Args:
        ask: the action; it takes `by` and `tenant`.
        words: what is said of it, behind the tenant's name.
    """

    @login_required
    @require_POST
    def press(request: HttpRequest, tenant_id: str) -> HttpResponse:
        return asked(request, tenant_id, ask, words)

    return press


def asked(request: HttpRequest, tenant_id: str, ask: Ask, words: str) -> HttpResponse:
    """The same for a view that has read more from its form."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    ask(by=actor, tenant=tenant)
    messages.success(request, f"{tenant.name} {words}")
    return redirect("tenants:overview", tenant.pk)
