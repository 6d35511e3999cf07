"""Buttons of pages: each asks one thing of a tenant, says so, and leads to where its steps show."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from controlplane.problems import Invalid
from tenants.provisioning import queries
from tenants.provisioning.models import Operation
from tenants.provisioning.scheduling import NOW, WHEN

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


def timed_button(ask: Callable[..., Operation], words: str) -> Callable[[HttpRequest, str], HttpResponse]:
    """The same for what can wait for the maintenance window: the form's `when` says."""

    @login_required
    @require_POST
    def press(request: HttpRequest, tenant_id: str) -> HttpResponse:
        return asked(request, tenant_id, partial(ask, when=when_of(request)), words_for(request, words))

    return press


def when_of(request: HttpRequest) -> str:
    """Now, or in the maintenance window. Raises Invalid for anything else."""
    when = request.POST.get("when", NOW)
    if when not in WHEN:
        raise Invalid("Choose now or the maintenance window. Nothing was changed.", field="when")
    return when


def words_for(request: HttpRequest, words: str) -> str:
    """What is said of it: `words`, unless it waits for the window."""
    return (
        words
        if when_of(request) == NOW
        else "has it scheduled for its maintenance window. Its admins are told by mail."
    )


def asked(request: HttpRequest, tenant_id: str, ask: Ask, words: str) -> HttpResponse:
    """The same for a view that has read more from its form."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    ask(by=actor, tenant=tenant)
    messages.success(request, f"{tenant.name} {words}")
    return redirect("tenants:overview", tenant.pk)
