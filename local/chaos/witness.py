"""A tenant whose machines are at work while things die: what was acknowledged to them must be there in the end."""

import contextlib
import uuid
from dataclasses import dataclass, field
from typing import Self

import httpx

from local.agent.identity import Identity, enroll
from local.demo.machine import Machine
from local.portal_api import PortalApi
from local.stack import nodes
from local.stack.handle import NotInTime, StackHandle, wait_for

MACHINES = 140  # the plan has room for 150
LINES = 5  # that a machine reports at a time
JOIN_SECONDS, RETURN_SECONDS = 60.0, 120.0
AWAY = (ValueError, OSError, httpx.HTTPError, RuntimeError)  # what a node or the engine that just died answers with
PROBE = "probe-"  # the edge writes such a document, finds it and removes it again


@dataclass(frozen=True)
class Missing:
    """What one tenant lacks, counted: acknowledged alerts and enrollments, and agents that did not come back."""

    alerts: int
    enrollments: int
    agents: int

    @property
    def total(self) -> int:
        return self.alerts + self.enrollments + self.agents


@dataclass
class Witness:
    """Enrolls machines, lets one of them report, and remembers what the tenant has shown to have.

    Args:
        stack: what it runs on.
        api: of the tenant's organization.
        tenant: its id.
    """

    stack: StackHandle
    api: PortalApi
    tenant: str
    alerts: set[str] = field(default_factory=set)
    enrolled: list[Identity] = field(default_factory=list)
    said: int = 0

    def __enter__(self) -> Self:
        self.token = self.api.enrollment_token(self.tenant, "Chaos", JOIN_SECONDS, max_uses=MACHINES + 1)
        self.machine = Machine(self.stack.layout, self.token, "reporter").__enter__()
        self.number = self.machine.connected(JOIN_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.machine.__exit__()

    def act(self) -> None:
        """Somebody tries the machine's door, another machine enrolls, and what is there by now is noted."""
        self.said += 1
        for port in range(4022, 4022 + LINES):
            self.machine.log(f"Invalid user witness{self.said} from 203.0.113.9 port {port}")
        if len(self.enrolled) < MACHINES:
            self.enrolled.append(self._enroll(f"machine-{self.said}"))
        self._note_alerts()

    def missing(self) -> Missing:
        """Waits until the reporting machine is back, then counts."""
        with contextlib.suppress(NotInTime):
            wait_for(lambda: self._reports(), "the reporter", RETURN_SECONDS, every=1)
        known = {agent["id"] for agent in self.api.all(f"/tenants/{self.tenant}/agents")}
        return Missing(
            alerts=len(self.alerts - self._held_by_all()),
            enrollments=sum(1 for identity in self.enrolled if identity.agent_id not in known),
            agents=int(not self._reports()),
        )

    def _enroll(self, name: str) -> Identity:
        """As the installer does: the same enrollment again after an answer that was lost."""
        attempt = str(uuid.uuid4())
        return wait_for(lambda: self._enrolled(name, attempt), f"the enrollment of {name}", JOIN_SECONDS)

    def _enrolled(self, name: str, attempt: str) -> Identity | None:
        try:
            return enroll(self.stack.layout.edge, self.token, name, enrollment_id=attempt)
        except (httpx.TransportError, ValueError):  # the edge is away, or ended in the middle of its answer
            return None

    def _note_alerts(self) -> None:
        """Whatever any indexer shows; one that is away shows nothing."""
        with contextlib.suppress(*AWAY):
            for node in nodes.running(self.stack, self.tenant, "indexer"):
                with contextlib.suppress(*AWAY):
                    ids = nodes.Indexer(self.stack, self.tenant, node).all_ids()
                    self.alerts |= {found for found in ids if not found.startswith(PROBE)}

    def _held_by_all(self) -> set[str]:
        """What each of its indexers holds: with a copy at every other one, a node that lacks something is not whole."""
        found = nodes.running(self.stack, self.tenant, "indexer")
        held = [nodes.Indexer(self.stack, self.tenant, node).all_ids() for node in found]
        return set.intersection(*held) if held else set()

    def _reports(self) -> bool:
        return self.api.get(f"/tenants/{self.tenant}/agents/{self.number}")["status"] == "active"
