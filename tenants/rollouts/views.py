"""Roll-outs: the list, a new one with what it would do tenant by tenant, and one as it goes on."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization
from organizations.names import names_of
from tenants.rollouts import actions, planning, queries
from tenants.rollouts.forms import RolloutForm
from tenants.rollouts.models import Rollout
from tenants.rollouts.rows import foreseen_rows, ring_rows, rollout_row, soaks_until


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """An organization's roll-outs, newest first."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    page = page_of(queries.rollouts_of(actor, organization), cursor=request.GET.get("cursor") or None)
    names = names_of(rollout.created_by for rollout in page.rows)
    frame = _frame(request, organization, "Roll-outs")
    context = {
        "rollouts": [rollout_row(rollout, names) for rollout in page.rows],
        "page": pager(page),
        "can_begin": "tenant.operate" in frame.permissions,
        "frame": frame,
    }
    return render(request, "tenants/rollouts.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask what is to be rolled out; show what that would do; on POST, begin."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "tenant.operate", organization)
    given = request.POST if request.method == "POST" else request.GET
    form = RolloutForm(organization, planning.reached(actor, organization), given if "what" in given else None)
    foreseen: list[planning.Foreseen] = []
    if form.is_bound and form.is_valid():
        asked = form.asked()
        with told_on(form):
            if request.method == "POST":
                rollout = actions.start(by=actor, organization=organization, **asked)
                messages.success(request, f"{actions.title_of(rollout)} is being rolled out. Each step shows here.")
                return redirect("tenants:rollout", organization.pk, rollout.pk)
            terms = {name: asked[name] for name in ("kind", "arguments", "when", "only")}
            foreseen = planning.foresee(actor, organization, **terms)
    context = {
        "form": form,
        "rings": foreseen_rows(foreseen),
        "takes": sum(each.outcome != planning.SKIPS for each in foreseen),
        "frame": _frame(request, organization, "Roll out", *_crumbs(organization)),
    }
    return render(request, "tenants/rollout_new.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, rollout_id: str) -> HttpResponse:
    """One roll-out with what became of each tenant."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    rollout = queries.rollout(actor, organization, rollout_id)
    targets = list(queries.targets_of(actor, rollout))
    failed = any(target.state == target.State.FAILED for target in targets)
    frame = _frame(request, organization, actions.title_of(rollout), *_crumbs(organization))
    open_ = rollout.state in Rollout.OPEN
    may = "tenant.operate" in frame.permissions
    context: dict[str, Any] = {
        "rollout": rollout_row(rollout, names_of([rollout.created_by])),
        "rings": ring_rows(rollout, targets),
        "soaks_until": soaks_until(rollout, targets),
        "can_go_on": may and rollout.state == Rollout.State.HELD,
        "can_retry": may and failed and rollout.state in (Rollout.State.HELD, Rollout.State.FINISHED),
        "can_end": may and open_,
        "frame": frame,
    }
    return render(request, "tenants/rollout.html", context)


def _button(act: Callable[..., Rollout], words: str) -> Callable[[HttpRequest, str, str], HttpResponse]:
    @login_required
    @require_POST
    def press(request: HttpRequest, organization_id: str, rollout_id: str) -> HttpResponse:
        actor = actor_of(request)
        organization = organizations.find(actor, organization_id)
        act(by=actor, rollout=queries.rollout(actor, organization, rollout_id))
        messages.success(request, words)
        return redirect("tenants:rollout", organization_id, rollout_id)

    return press


go_on = _button(actions.go_on, "It goes on with what has not begun.")
retry = _button(actions.retry, "What failed is asked once more.")
end = _button(actions.end, "Nothing further begins. What runs comes to its own end.")


def _crumbs(organization: Organization) -> tuple[Link, ...]:
    return (Link("Roll-outs", reverse("tenants:rollouts", args=[organization.pk])),)


def _frame(request: HttpRequest, organization: Organization, here: str, *crumbs: Link) -> Frame:
    return frame_for(request, organization, here=here, section="rollouts", crumbs=crumbs)
