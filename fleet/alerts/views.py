"""The inbox, one alert, and what is suppressed."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from controlplane.problems import Problem
from controlplane.rls import reading_as
from controlplane.transactions import calls_out
from fleet.alerts import actions, behind, queries, suppressions
from fleet.alerts.dashboard import path_of
from fleet.alerts.forms import EVERYWHERE, HERE, TENANT, HandleForm, NoteForm, SuppressForm
from fleet.alerts.models import Alert
from fleet.alerts.rows import alert_row, chips, entry_row, is_narrowed, narrowing, people_in, suppression_row
from fleet.alerts.search import AlertSearch, narrowed
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization
from organizations.names import names_of
from tenants.access.rows import event_row

DONE = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "close": "closed",
    "reopen": "reopened",
}


@login_required
@require_safe
def inbox(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Alerts of an organization's tenants or, for an MSP, of all clients; those that came last first."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    around = queries.organizations_around(actor, organization)
    form = AlertSearch(request.GET)
    page, found = None, []
    if form.is_valid():
        alerts = narrowed(queries.within(actor, around), form, me=actor.user_id)
        page = page_of(alerts, cursor=request.GET.get("cursor") or None, by="last_at")
        found = page.rows
    frame = _frame(request, organization, "Alerts")
    names = names_of(people_in(found))
    context = {
        "alerts": [alert_row(alert, organization, names) for alert in found],
        "page": pager(page, keeping=form.address()) if page else {},
        "form": form,
        "chips": chips(form),
        "narrowing": narrowing(form),
        "narrowed": is_narrowed(form),
        "clients": around if organization.is_msp else [],
        "can_handle": "alert.handle" in frame.permissions,
        "assignees": queries.assignees_of(actor, organization),
        "me": actor.user_id,
        "frame": frame,
    }
    return render(request, "fleet/alerts.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def handle(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Do something with the chosen alerts, of one page or of one alert's own."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    form, chosen = HandleForm(request.POST), request.POST.getlist("alerts")
    if not form.is_valid():
        messages.error(request, "Say what is to be done with the alerts. Nothing was changed.")
        return _back(request, organization, chosen)
    asked = form.cleaned_data
    try:
        handled = actions.handle(by=actor, organization=organization, alert_ids=chosen, **asked)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        messages.error(request, problem.detail)
        return _back(request, organization, chosen)
    messages.success(request, _words(handled, asked["act"]))
    return _back(request, organization, chosen)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, alert_id: str) -> HttpResponse:
    """One alert: what it is, what was done with it, and what can be done."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    alert = queries.alert(actor, organization, alert_id)
    return _page(request, actor, organization, alert)


@calls_out
@login_required
@never_cache
@require_safe
def digests(request: HttpRequest, organization_id: str, alert_id: str) -> HttpResponse:
    """The newest alerts behind a row, as the tenant's stream has them; an edge that is away is said, not raised."""
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        organization = organizations.find(actor, organization_id)
        alert = queries.alert(actor, organization, alert_id)
    found = behind.digests_of(actor, alert)
    context = {"alert": alert, "events": [event_row(event) for event in found.events], "found": found}
    return render(request, "fleet/alert_digests.html", context)


@login_required
@require_POST
def note(request: HttpRequest, organization_id: str, alert_id: str) -> HttpResponse:
    """Write a note to an alert."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    alert = queries.alert(actor, organization, alert_id)
    form = NoteForm(request.POST)
    if form.is_valid():
        with told_on(form):
            actions.add_note(by=actor, alert=alert, text=form.cleaned_data["text"])
            return redirect("fleet:alert", organization.pk, alert.pk)
    return _page(request, actor, organization, alert, note_form=form)


@login_required
@require_POST
def suppress(request: HttpRequest, organization_id: str, alert_id: str) -> HttpResponse:
    """Have alerts like this one not shown for a while."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    alert = queries.alert(actor, organization, alert_id)
    form = SuppressForm(_reaches(organization, alert), request.POST)
    if form.is_valid():
        reach = form.cleaned_data["reach"]
        with told_on(form):
            suppressions.suppress(
                by=actor,
                organization=organization if reach == EVERYWHERE else alert.organization,
                rule_id=alert.rule_id,
                reason=form.cleaned_data["reason"],
                ends_at=form.ends_at(),
                tenant=None if reach == EVERYWHERE else alert.tenant,
                agent_id=alert.agent_id if reach == HERE else "",
            )
            messages.success(request, "It is counted on, and not shown until then.")
            return redirect("fleet:alert", organization.pk, alert.pk)
    return _page(request, actor, organization, alert, suppress_form=form)


@login_required
@require_safe
def suppressed(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What is suppressed, and what was."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    found = page_of(queries.suppressions_of(actor, organization), cursor=request.GET.get("cursor") or None)
    names = names_of({each.created_by for each in found.rows})
    frame = _frame(request, organization, "Suppressions", _crumb(organization))
    context = {
        "suppressions": [suppression_row(each, names) for each in found.rows],
        "page": pager(found),
        "can_handle": "alert.handle" in frame.permissions,
        "frame": frame,
    }
    return render(request, "fleet/suppressions.html", context)


@login_required
@require_POST
def end_suppression(request: HttpRequest, organization_id: str, suppression_id: str) -> HttpResponse:
    """Have it shown again."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    suppressions.end(by=actor, suppression=queries.suppression(actor, organization, suppression_id))
    messages.success(request, "It is shown again.")
    return redirect("fleet:suppressions", organization.pk)


def _page(
    request: HttpRequest,
    actor: Actor,
    organization: Organization,
    alert: Alert,
    *,
    note_form: NoteForm | None = None,
    suppress_form: SuppressForm | None = None,
) -> HttpResponse:
    entries = queries.entries_of(actor, alert)
    names = names_of(people_in([alert], entries))
    failed = bool((note_form and note_form.errors) or (suppress_form and suppress_form.errors))
    context: dict[str, Any] = {
        "alert": alert,
        "row": alert_row(alert, organization, names),
        "entries": [entry_row(entry, names) for entry in entries],
        "can_handle": queries.may_handle(actor, alert.organization_id),
        "assignees": queries.assignees_of(actor, organization),
        "me": actor.user_id,
        "dashboard_path": path_of(alert),
        "note_form": note_form or NoteForm(),
        "suppress_form": suppress_form or SuppressForm(_reaches(organization, alert)),
        "frame": _frame(request, organization, alert.title, _crumb(organization)),
    }
    return render(request, "fleet/alert.html", context, status=422 if failed else 200)


def _reaches(organization: Organization, alert: Alert) -> dict[str, str]:
    """How far a suppression can reach, in words."""
    everywhere = "All clients" if organization.is_msp else "All tenants"
    return {HERE: f"Only {alert.agent_name or alert.agent_id}", TENANT: alert.tenant.name, EVERYWHERE: everywhere}


def _words(handled: actions.Handled, act: str) -> str:
    many = len(handled.changed)
    done = f"{many} alert{'' if many == 1 else 's'} {DONE[act]}."
    kept = len(handled.refused)
    return f"{done} {kept} stayed as {'it was' if kept == 1 else 'they were'}." if kept else done


def _back(request: HttpRequest, organization: Organization, chosen: list[str]) -> HttpResponse:
    """To the page that the form stands on, which says so itself: the alert's own, or the list as it was narrowed."""
    if request.POST.get("from") == "alert" and len(chosen) == 1:
        return redirect("fleet:alert", organization.pk, chosen[0])
    search = AlertSearch(QueryDict(request.POST.get("search", "")))
    return redirect(f"{reverse('fleet:alerts', args=[organization.pk])}?{search.address()}")


def _crumb(organization: Organization) -> Link:
    return Link("Alerts", reverse("fleet:alerts", args=[organization.pk]))


def _frame(request: HttpRequest, organization: Organization, here: str, *crumbs: Link) -> Frame:
    return frame_for(request, organization, here=here, section="alerts", crumbs=crumbs)
