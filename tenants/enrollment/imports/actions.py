"""Having the edge take over agents that exist already."""

from collections import Counter
from dataclasses import asdict, dataclass

from controlplane import rls
from controlplane.actor import Actor
from controlplane.transactions import let_go
from organizations import access
from organizations.actions import trail
from tenants.enrollment.agents import wake_reader
from tenants.enrollment.imports.lines import KnownAgent, Line, read
from tenants.enrollment.problems import TenantIsGoing
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import problem_of


@dataclass(frozen=True)
class Result:
    """What became of one line: `imported`, `known` (there already), or why not."""

    line: int
    id: str
    name: str
    outcome: str


def import_agents(*, by: Actor, tenant: Tenant, client_keys: str) -> list[Result]:
    """
    Have a tenant's manager know agents by the numbers and keys that they have. Again changes nothing.

    The keys go to the edge and are kept nowhere here. It is asked between two transactions, as for a dashboard. Raises
    Invalid for a text without a line, or with too many; EdgeNotAvailable while the edge does not answer, when some may
    have been taken over.

    Args: client_keys: lines of a manager's client.keys.
    """
    lines = read(client_keys)
    with rls.reading_as(by.rls_actor):
        standing = access.require(by, "token.create", tenant.organization_id)
        if tenant.requested == Tenant.Requested.DELETED:
            raise TenantIsGoing
        edge, epoch = EdgeApi(tenant.cell), tenant.cell.epoch
    let_go()
    outcomes = _told(edge, tenant.pk, epoch, [line.agent for line in lines if line.agent])
    results = [_result(line, outcomes) for line in lines]
    with rls.acting_as(by.rls_actor):
        trail.record(
            by,
            standing,
            "tenants.agents.import",
            tenant.pk,
            name=tenant.name,
            **Counter(result.outcome for result in results),
        )
        wake_reader(tenant)
    return results


def _told(edge: EdgeApi, tenant_id: str, epoch: int, agents: list[KnownAgent]) -> list[str]:
    """What the edge says of each, in their order."""
    if not agents:
        return []
    body = {"epoch": epoch, "agents": [asdict(agent) for agent in agents]}
    try:
        answer = edge.import_agents(tenant_id, body)
    except EdgeError as error:
        raise problem_of(error) from error
    return [str(each["outcome"]) for each in answer["agents"]]


def _result(line: Line, outcomes: list[str]) -> Result:
    """The next outcome belongs to the next line with an agent."""
    if line.agent is None:
        return Result(line.number, "", "", line.fault)
    return Result(line.number, line.agent.id, line.agent.name, outcomes.pop(0))
