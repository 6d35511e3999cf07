"""The first steps of an organization with its new tenant: token, agent, alert. Each is found done by what is there."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Problem
from tenants.access import queries as access
from tenants.enrollment.models import EnrollmentToken
from tenants.metering.models import UsageHour
from tenants.provisioning.models import Tenant
from tenants.provisioning.sighting import read_time

SHOWN_FOR = dt.timedelta(days=30)
"""Whoever has not come so far by then does not want to be led."""
HIDDEN_COOKIE = "first_steps"
HAS_STARTED = ("running", "attention", "sleeping")
DONE, NOW, LATER = "done", "now", "later"
START, TOKEN = "Start the tenant", "Create an enrollment token"
AGENT, ALERT = "Let the first machine in", "See the first alert"
NOT_UP = {
    "failed": "It did not come up. Its operation says why, and what to do.",
    "stopping": "It is being stopped.",
    "stopped": "It is stopped. Start it under “Actions”.",
}
WHICH_MACHINES = "It says which machines may join, how many, and until when."


@dataclass(frozen=True)
class Step:
    """One step: what it is, how far it is, and where it is done."""

    title: str
    words: str
    state: str
    url: str = ""
    button: str = ""


@dataclass(frozen=True)
class FirstAlert:
    """The first alert of a tenant's stream, and when it came; or why that is not known at this moment."""

    at: dt.datetime | None = None
    words: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class FirstSteps:
    """The whole path."""

    steps: tuple[Step, ...]
    alert: FirstAlert | None = None

    @property
    def done(self) -> int:
        """How many steps are behind."""
        return sum(step.state == DONE for step in self.steps)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.done == len(self.steps)


AHEAD = FirstSteps(
    (
        Step(START, "Name it, see the price, and watch its nodes come up.", NOW),
        Step(TOKEN, WHICH_MACHINES, LATER),
        Step(AGENT, "One command on Linux, Windows or macOS.", LATER),
        Step(ALERT, "Live in the portal, and in the Wazuh dashboard.", LATER),
    )
)
"""The path of an organization without a tenant."""


def steps_of(tenant: Tenant, permissions: frozenset[str]) -> FirstSteps | None:
    """The path as the portal's rows know it; None for whoever needs none. The caller has found the tenant."""
    is_new = timezone.now() - tenant.created_at < SHOWN_FOR
    if not is_new or tenant.is_leaving or "token.create" not in permissions:
        return None
    known = UsageHour.objects.filter(tenant=tenant, kind=UsageHour.Kind.ALERTS, quantity__gt=0).exists()
    return None if known else _path(tenant, None)


def log_to_ask(actor: Actor, tenant: Tenant, permissions: frozenset[str]) -> access.EventLog | None:
    """The stream to be asked for the first alert, once there is an agent that could have sent one."""
    has_agent = bool(_enrolled(tenant)) and "events.read" in permissions
    return access.event_log(actor, tenant) if has_agent else None


def with_first_alert(tenant: Tenant, log: access.EventLog) -> FirstSteps:
    """The path of a tenant with an agent, with what its stream says. It asks the edge and no row."""
    return _path(tenant, _first_alert(log))


def _first_alert(log: access.EventLog) -> FirstAlert | None:
    try:
        events = log.read(limit=1, kinds=("alert",))["events"]
    except Problem as problem:
        return FirstAlert(trouble=problem.detail)
    return FirstAlert(read_time(events[0]["at"]), _description(events[0])) if events else None


def _description(event: Mapping[str, Any]) -> str:
    return str((event["data"].get("rule") or {}).get("description") or "")


def _path(tenant: Tenant, alert: FirstAlert | None) -> FirstSteps:
    has_started, enrolled = tenant.status in HAS_STARTED, _enrolled(tenant)
    # Whoever has an agent has had a token, though it may be gone by now.
    has_token = bool(enrolled) or EnrollmentToken.objects.filter(tenant=tenant).exists()
    has_alert = alert is not None and alert.at is not None
    return FirstSteps(
        (
            Step(START, _start_words(tenant, has_started), DONE if has_started else NOW),
            _token_step(tenant, has_token),
            _agent_step(tenant, enrolled, DONE if enrolled else NOW if has_token and has_started else LATER),
            _alert_step(tenant, alert, DONE if has_alert else NOW if enrolled else LATER),
        ),
        alert,
    )


def _start_words(tenant: Tenant, has_started: bool) -> str:
    if has_started:
        return f"{tenant.name} is up."
    return NOT_UP.get(tenant.status, "It starts, which takes a few minutes. The token need not wait for that.")


def _token_step(tenant: Tenant, has_token: bool) -> Step:
    if has_token:
        return Step(TOKEN, WHICH_MACHINES, DONE, reverse("tenants:tokens", args=[tenant.pk]), "Tokens")
    return Step(TOKEN, WHICH_MACHINES, NOW, reverse("tenants:token-new", args=[tenant.pk]), "Create token")


def _agent_step(tenant: Tenant, enrolled: int, state: str) -> Step:
    if state == DONE:
        words = f"{enrolled} agent{'' if enrolled == 1 else 's'} joined."
        return Step(AGENT, words, DONE, reverse("tenants:agents", args=[tenant.pk]), "Agents")
    words = "Run the token's installer on it: Linux, Windows or macOS. It shows up here by itself."
    url = reverse("tenants:tokens", args=[tenant.pk]) if state == NOW else ""
    return Step(AGENT, words, state, url, "To the installer" if url else "")


def _alert_step(tenant: Tenant, alert: FirstAlert | None, state: str) -> Step:
    url = reverse("tenants:events", args=[tenant.pk])
    if state == DONE:
        return Step(ALERT, alert.words if alert else "", DONE, url, "Events")
    words = "Sign in to the machine, or restart a service there: its manager notices, and the alert shows up here."
    if alert is not None and alert.trouble:
        words = f"Not known at this moment: {alert.trouble}"
    return Step(ALERT, words, state, url if state == NOW else "", "Live events" if state == NOW else "")


def _enrolled(tenant: Tenant) -> int:
    return ((tenant.edge_view or {}).get("agents") or {}).get("enrolled") or 0
