"""One thing done with agents of several tenants: tried, done, and done again where it failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, Problem
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from tenants.agents.forms import order
from tenants.agents.models import AgentBatch, AgentOrder, AgentResult
from tenants.provisioning import queries as provisioning

MOST_TENANTS = 100
type Selection = Mapping[str, Sequence[str]]
"""Agents' numbers by the tenant's id."""


@dataclass(frozen=True)
class Part:
    """What became of one tenant's part: its order, or why there is none."""

    tenant_id: str
    tenant_name: str
    agents: Sequence[str]
    order: AgentOrder | None = None
    problem: Problem | None = None


@transaction.atomic
def give(
    *,
    by: Actor,
    organization: Organization,
    selection: Selection,
    kind: str,
    groups: Sequence[str] = (),
    version: str = "",
) -> tuple[AgentBatch, list[Part]]:
    """
    Order the same of agents of several tenants, of the organization or, where it is an MSP, its clients.

    Each tenant takes or refuses its part by itself; what is refused is kept with its reason. An MSP's person need not
    work in each client first: whoever asks was shown every tenant by name.

    Args: kind, groups, version: see `agents.actions`.
    Raises Invalid for no tenant or too many, and where none takes its part; NotConfirmed for a removal.
    """
    standing = access.require(by, "agent.manage", organization, confirmed=kind == AgentOrder.Kind.REMOVE)
    if not 1 <= len(selection) <= MOST_TENANTS:
        raise Invalid(f"Choose agents of 1 to {MOST_TENANTS} tenants. Nothing was changed.", field="selection")
    given = {"kind": kind, "groups": list(groups), "version": version}
    parts = [_part(by, tenant_id, list(agents), given) for tenant_id, agents in selection.items()]
    problems = [part.problem for part in parts if part.problem is not None]
    if len(problems) == len(parts):
        raise _none_takes_it(parts)
    batch = AgentBatch.objects.create(
        organization=organization,
        kind=kind,
        arguments={name: given[name] for name in ("groups", "version")},
        refused=[_refusal(part) for part in parts if part.problem is not None],
        created_by=by.user_id,
    )
    for part in parts:
        if part.order is not None:
            AgentOrder.objects.filter(pk=part.order.pk).update(batch_id=batch.pk)
    trail.record(by, standing, "tenants.agents.order", batch.pk, kind=kind, tenants=len(parts))
    return batch, parts


def attempt(**asked: Any) -> list[Part]:
    """What `give` would do; it is done whole and taken back. Raises what that does."""
    with transaction.atomic():
        _, parts = give(**asked)
        transaction.set_rollback(True)
    return parts


def retry(*, by: Actor, batch: AgentBatch, organization: Organization) -> tuple[AgentBatch, list[Part]]:
    """Order the same once more of the agents for which it failed or was refused. Raises Conflict where none was."""
    access.require(by, "agent.manage", organization)
    results = AgentResult.objects.filter(order__batch_id=batch.pk, state=AgentResult.State.FAILED)
    failed: dict[str, list[str]] = {}
    for tenant_id, number in results.order_by("tenant_id", "number").values_list("tenant_id", "number"):
        failed.setdefault(tenant_id, []).append(number)
    for each in batch.refused:
        failed[each["tenant"]] = each["agents"]
    if not failed:
        raise Conflict("It failed for no agent. Nothing was ordered.")
    return give(by=by, organization=organization, selection=failed, kind=batch.kind, **batch.arguments)


def _part(by: Actor, tenant_id: str, agents: list[str], given: Mapping[str, Any]) -> Part:
    name = ""
    try:
        with transaction.atomic():
            tenant = provisioning.find(by, tenant_id)
            name = tenant.name
            return Part(
                tenant_id,
                name,
                agents,
                order=order(access.working_in(by, tenant.organization_id), tenant, agents=agents, **given),
            )
    except Problem as problem:
        return Part(tenant_id, name, agents, problem=problem)


def _refusal(part: Part) -> dict[str, Any]:
    problem = part.problem
    told = {"code": problem.code, "message": problem.detail} if problem else {}
    return {"tenant": part.tenant_id, "name": part.tenant_name, "agents": list(part.agents), **told}


def _none_takes_it(parts: Sequence[Part]) -> Invalid:
    why = " ".join(f"{part.tenant_name or part.tenant_id}: {part.problem.detail}" for part in parts if part.problem)
    return Invalid(f"No tenant takes it. {why}"[:1000], field="selection")
