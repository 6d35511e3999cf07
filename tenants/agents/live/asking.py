"""
Asks the tenant objects of many tenants at once for their agents, and says which did not answer.

There is no index of agents' live state across tenants, which would be a copy that is wrong by the time it is read. Each
tenant object is asked for its own, a few at a time and until a deadline; who is late or away is named beside what the
others told. The caller holds no transaction meanwhile.
"""

import contextvars
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from controlplane.actor import Actor
from controlplane.problems import Malformed
from organizations import access
from organizations.models import Organization
from tenants.agents.queries import tenants_around
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant

MOST_TENANTS, MOST_AGENTS = 200, 500
AT_ONCE = 16
DEADLINE_SECONDS = 4.0
LATE = "It did not answer within {seconds:.0f} seconds."


@dataclass(frozen=True)
class Found:
    """One agent as its tenant object told it now."""

    tenant: Tenant
    agent: Mapping[str, Any]


@dataclass(frozen=True)
class Missing:
    """A tenant of which not everything is known, and why."""

    tenant: Tenant
    why: str


@dataclass(frozen=True)
class Answers:
    """What was found, of how many tenants that were asked, and of which not everything is known."""

    found: Sequence[Found]
    asked: int
    missing: Sequence[Missing]
    cut: bool

    @property
    def words(self) -> str:
        """'2 of 40 tenants did not answer fully: Office, Plant'; empty where all did."""
        if not self.missing:
            return ""
        named = ", ".join(each.tenant.name for each in self.missing[:5])
        more = f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else ""
        return f"{len(self.missing)} of {self.asked} tenants did not answer fully: {named}{more}"


def tenants_to_ask(actor: Actor, organization: Organization, narrowed: Mapping[str, str]) -> list[Tenant]:
    """
    Tenants with agents that somebody sees in an organization and, where it is an MSP, its clients.

    Args: narrowed: `client` and `tenant`, by id or a part of the name. Raises Forbidden; Malformed for too many.
    """
    access.require(actor, "agent.view", organization)
    found = tenants_around(actor, organization, narrowed).filter(agents_enrolled__gt=0).order_by("name", "id")
    tenants = list(found[: MOST_TENANTS + 1])
    if len(tenants) > MOST_TENANTS:
        raise Malformed(
            f"More than {MOST_TENANTS} tenants would be asked.", field="client", hint="Name a client or a tenant."
        )
    return tenants


def ask(tenants: Sequence[Tenant], search: Mapping[str, str], *, deadline: float = DEADLINE_SECONDS) -> Answers:
    """
    Ask tenants for those of their agents that fit a search.

    Args: search: see `MATCHES`. deadline: seconds after which is told what has come.
    """
    if not tenants:
        return Answers([], 0, [], cut=False)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="live-agents")
    asked = {pool.submit(contextvars.copy_context().run, _agents_of, tenant, deadline): tenant for tenant in tenants}
    wait(asked, timeout=deadline)
    # Calls that were begun end by their own deadline; the others are not begun any more.
    pool.shutdown(wait=False, cancel_futures=True)
    answers = [(tenant, *_told(future, deadline)) for future, tenant in asked.items()]
    found = [Found(tenant, agent) for tenant, agents, _ in answers for agent in agents if _fits(agent, search)]
    missing = [Missing(tenant, why) for tenant, _, why in answers if why]
    return Answers(found[:MOST_AGENTS], len(tenants), missing, cut=len(found) > MOST_AGENTS)


def _agents_of(tenant: Tenant, seconds: float) -> dict[str, Any]:
    return EdgeApi(tenant.cell).agents(tenant.pk, within=seconds)


def _told(future: "Future[dict[str, Any]]", deadline: float) -> tuple[Sequence[Mapping[str, Any]], str]:
    """What a tenant told, and why that is not all; empty where it is."""
    if not future.done() or future.cancelled():
        return [], LATE.format(seconds=deadline)
    error = future.exception()
    if isinstance(error, EdgeError):
        return [], error.message
    answer = future.result()
    why = (
        f"Its manager does not answer: {answer.get('reason') or 'no reason was told'}." if answer.get("partial") else ""
    )
    return answer["agents"], why


MATCHES = {
    "name": lambda agent, text: text.lower() in str(agent["name"]).lower(),
    "number": lambda agent, text: str(agent["id"]) == text,
    "ip": lambda agent, text: text in str(agent.get("ip") or ""),
    "version": lambda agent, text: str(agent.get("version") or "").removeprefix("v").startswith(text.removeprefix("v")),
    "group": lambda agent, text: text in (agent.get("groups") or []),
    "status": lambda agent, text: agent.get("status") == text,
}
"""What agents are found by: all that is asked for has to fit."""


def _fits(agent: Mapping[str, Any], search: Mapping[str, str]) -> bool:
    return all(MATCHES[name](agent, text) for name, text in _asked(search))


def _asked(search: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, search[name].strip()) for name in MATCHES if search.get(name, "").strip())
