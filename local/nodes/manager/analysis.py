"""From a log line to an alert: decode, match, write."""

import json
import time
from typing import Any

from local.nodes.manager.alerts import AlertLog, alert_of
from local.nodes.manager.registry import Agent
from local.nodes.manager.rules import ALERTS_FROM
from local.nodes.manager.ruleset import Ruleset
from local.nodes.manager.shipping import Shipping

LOG_FILES = "1"  # queue of log lines; others (integrity, inventory) carry what this stand-in does not analyse


class Analysis:
    """Analyses events of agents and of the manager itself."""

    def __init__(self, manager: str, ruleset: Ruleset, log: AlertLog, shipping: Shipping) -> None:
        self._manager, self._ruleset, self._log, self._shipping = manager, ruleset, log, shipping

    def take(self, agent: Agent, queue: str, location: str, line: str) -> None:
        """An event from an agent."""
        if queue == LOG_FILES:
            told = {"ip": agent.ip, "labels": json.loads(agent.labels or "{}")}
            facts = {"id": agent.id, "name": agent.name} | {name: value for name, value in told.items() if value}
            self._analyse(facts, location, line)

    def take_own(self, location: str, line: str) -> None:
        """An event that came in through the server API."""
        self._analyse({"id": "000", "name": self._manager}, location, line)

    def _analyse(self, agent: dict[str, Any], location: str, line: str) -> None:
        event = self._ruleset.loaded.decoders.decode(line, location)
        match = self._ruleset.engine.evaluate(agent["id"], event)
        if match is None or match.rule.level < ALERTS_FROM:
            return
        now = time.time()
        alert = alert_of(match, event, agent=agent, manager=self._manager, id=self._log.next_id(now), now=now)
        self._log.append(alert)
        self._shipping.wake()
