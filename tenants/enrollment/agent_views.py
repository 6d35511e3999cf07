"""A tenant's agents."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from organizations import access
from tenants.enrollment import actions, queries
from tenants.enrollment.agents import ask_again_if_old
from tenants.enrollment.forms import QuarantineForm
from tenants.enrollment.rows import agent_row, agents_summed_up, state_of
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame

FILTERS = (("", "All", "total"), ("active", "Connected", "active"), ("silent", "Silent", "silent"))
TROUBLE_FIRST = ("silent", "active", "never", "quarantined")
MORE_FILTERS = (("never", "Never connected", "never"), ("quarantined", "Quarantined", "quarantined"))


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """The agents with what the edge last said of each; looking has them read anew if that is old."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "agent.view", tenant.organization_id).permissions
    ask_again_if_old(tenant)
    agents = list(queries.agents_of(actor, tenant))
    counts, summary = agents_summed_up(agents)
    wanted = request.GET.get("state", "")
    shown = [agent for agent in agents if not wanted or state_of(agent) == wanted]
    shown.sort(key=lambda agent: (TROUBLE_FIRST.index(state_of(agent)), agent.name))
    context = {
        "tenant": tenant,
        "agents": [agent_row(agent) for agent in shown],
        "counts": counts,
        "summary": summary,
        "chips": _chips(counts, wanted),
        "reading": queries.agent_reading(actor, tenant),
        "can_quarantine": "agent.quarantine" in permissions,
        "frame": tenant_frame(request, tenant, permissions, here="Agents", section="agents"),
    }
    return render(request, "tenants/agents.html", context)


@login_required
@require_POST
def quarantine(request: HttpRequest, tenant_id: str, number: str) -> HttpResponse:
    """Cut an agent off."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    agent = queries.agent(actor, tenant, number)
    form = QuarantineForm(request.POST)
    if form.is_valid():
        actions.quarantine(by=actor, agent=agent, reason=form.cleaned_data["reason"])
        messages.success(request, f"{agent.name} is being cut off. Its credential works no more.")
    else:
        messages.error(request, "Say why in a few words: the audit log keeps it. Nothing was changed.")
    return redirect("tenants:agents", tenant.pk)


def _chips(counts: dict[str, int], wanted: str) -> list[dict[str, object]]:
    offered = [*FILTERS, *(row for row in MORE_FILTERS if counts[row[2]])]
    return [
        {"label": label, "url": f"?state={key}" if key else "?", "count": counts[name], "current": key == wanted}
        for key, label, name in offered
    ]
