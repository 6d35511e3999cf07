"""What managers tell each other about agents."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from local.nodes.manager.registry import HEARD, Agent, Registry
from local.nodes.manager.ruleset import Ruleset

Disconnect = Callable[[str], None]


def shared_facts(registry: Registry, ruleset: Ruleset) -> bytes:
    """All that the master decides: keys, groups with what they share, which agent is in which, and rules."""
    memberships = {agent.id: agent.groups for agent in registry.all()}
    groups = {group: registry.shared.configuration(group) for group in registry.groups()}
    facts = {"keys": registry.keys_text(), "groups": groups, "memberships": memberships, "ruleset": ruleset.texts()}
    return json.dumps(facts, sort_keys=True).encode()


def sum_of(facts: bytes) -> bytes:
    """By which a worker and its master compare them."""
    return hashlib.sha256(facts).hexdigest().encode()


def take_shared_facts(registry: Registry, ruleset: Ruleset, disconnect: Disconnect, facts: bytes) -> None:
    """Makes a worker know what its master knows; agents that are gone lose their connection."""
    told = json.loads(facts)
    ruleset.take_over(told["ruleset"])
    for id in registry.take_over(told["keys"], told["groups"], told["memberships"]):
        disconnect(id)


def agent_facts(agent: Agent) -> dict[str, Any]:
    return {"id": agent.id, **{name: getattr(agent, name) for name in HEARD}}


def take_agent_facts(registry: Registry, told: list[dict[str, Any]]) -> None:
    """Notes what a worker heard from its agents, but where somebody else heard of one later."""
    for facts in told:
        agent = registry.find(str(facts["id"]))
        if agent is None or _heard(facts["last_keepalive"], facts["started_at"]) < _heard(
            agent.last_keepalive, agent.started_at
        ):
            continue
        for name in HEARD:
            setattr(agent, name, facts[name])
        registry.touch(agent)


def _heard(*times: float | None) -> float:
    return max(time or 0.0 for time in times)
