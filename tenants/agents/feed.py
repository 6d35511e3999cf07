"""Applies what the edge tells of agents: what became of orders about them, and which are silent."""

from collections.abc import Mapping, Sequence
from typing import Any

from tenants.agents.models import AgentOrder, AgentResult
from tenants.enrollment.agents import note_change
from tenants.enrollment.models import Agent
from tenants.provisioning.changes import Change
from tenants.provisioning.feed import handles
from tenants.provisioning.models import Tenant
from tenants.provisioning.sighting import Malformed, read_time


@handles("agent_order")
def note_order(tenant: Tenant, change: Change) -> None:
    """The edge, or the tenant's manager, came further with an order."""
    note_results(tenant.pk, str(change.data["order"]), change.data["results"])


@handles("agent_silence")
def note_silence(tenant: Tenant, change: Change) -> None:
    """Agents fell silent for longer than the tenant allows, or are back: known without asking for all of them."""
    told = {str(each["id"]): each for each in change.data["agents"]}
    for agent in Agent.objects.filter(tenant=tenant, number__in=told):
        news = told[agent.number]
        is_silent, before = news["state"] == "silent", agent.status
        agent.silent_at = read_time(change.at) if is_silent else None
        agent.status = "disconnected" if is_silent else "active"
        agent.last_seen_at = read_time(news.get("last_seen_at")) or agent.last_seen_at
        agent.save(update_fields=["silent_at", "status", "last_seen_at"])
        if agent.status != before:
            note_change(agent)


def note_results(tenant_id: str, order_id: str, told: Sequence[Mapping[str, Any]]) -> None:
    """Write down what became of an order, unless something later is known. Agents that were removed are forgotten."""
    order = AgentOrder.objects.filter(pk=order_id, tenant_id=tenant_id).first()
    if order is None:
        return  # a restored database may lack what the edge has
    known = {result.number: result for result in AgentResult.objects.filter(order=order)}
    for each in told:
        result, at = known.get(str(each["agent"])), read_time(each["at"])
        if at is None:
            raise Malformed("a result has no time")
        if result is not None and result.state in AgentResult.OPEN:
            result.state, result.note, result.changed_at = str(each["state"]), str(each["note"] or "")[:500], at
            result.save(update_fields=["state", "note", "changed_at"])
            _apply(order, result)


def _apply(order: AgentOrder, result: AgentResult) -> None:
    """What an order that was carried out changes in the mirrored agent; the next reading would tell it too."""
    if result.state != AgentResult.State.DONE:
        return
    agents = Agent.objects.filter(tenant_id=order.tenant_id, number=result.number)
    if order.kind == AgentOrder.Kind.REMOVE:
        agents.delete()
    elif order.kind == AgentOrder.Kind.GROUPS:
        agents.update(groups=order.arguments["groups"])
