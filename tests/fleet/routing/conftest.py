"""What the inbox's tests have, and destinations that answer."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from fleet.routing import actions, sending
from fleet.routing.models import Destination, Notice
from organizations.models import Organization, User
from organizations.sso import outgoing
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.alerts.conftest import bring, office
from tests.fleet.conftest import bolt, give_client, give_tenant
from tests.tenants.conftest import cell, deliver, edge, program_of

__all__ = ["bolt", "bring", "cell", "edge", "give_client", "give_tenant", "office", "program_of"]


class Outside:
    """Everything that destinations are: what was posted to them, and what they answer next."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.answers: list[Any] = []

    def post(self, url: str, *, what: str, content: bytes, headers: dict[str, str]) -> outgoing.Answer:
        self.posted.append((url, json.loads(content), headers))
        self.bodies.append(content)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, BaseException):
            raise answer
        return outgoing.Answer(answer, b"")


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    there = Outside()
    monkeypatch.setattr(outgoing, "post_content", there.post)
    return there


@pytest.fixture
def tell_to() -> Callable[..., Destination]:
    """Makes a destination of an organization, and a route to it."""

    def make(
        person: User,
        organization: Organization,
        kind: str = "slack",
        *,
        severity: str = "medium",
        by: User | None = None,
        **more: Any,
    ) -> Destination:
        actor = actor_for(by or person)
        given = {
            "slack": {"settings": {}, "secret": "https://hooks.slack.example/services/T/B/hush"},
            "teams": {"settings": {}, "secret": "https://flows.example/workflow?sig=hush"},
            "pagerduty": {"settings": {"region": "eu"}, "secret": "R0UT1NGKEY"},
            "webhook": {"settings": {"url": "https://tickets.example/in"}, "secret": "sixteen-or-more-hush"},
            "jira": {
                "settings": {
                    **{"url": "https://acme.atlassian.example", "project": "OPS"},
                    **{"issue_type": "Task", "user": "bot@example.test"},
                },
                "secret": "token-hush",
            },
            "email": {"settings": {"to": person.email}},
        }[kind]
        with rls.acting_as(actor.rls_actor):
            made = actions.add_destination(by=actor, organization=organization, kind=kind, name=f"Our {kind}", **given)
            actions.add_route(by=actor, organization=organization, destination=made, severity=severity, **more)
        return made

    return make


def send_due() -> None:
    """Let facts become notices, and send those that are due."""
    deliver()
    for row in sending.due():
        sending.send(row["organization_id"], row["id"])


def notices() -> list[Notice]:
    """All of them, the oldest first."""
    with all_rows():
        return list(Notice.objects.select_related("destination").order_by("created_at", "id"))


def later() -> None:
    """As if the pause after a failure were over."""
    with all_rows():
        Notice.objects.filter(state="waiting").update(next_attempt_at=timezone.now() - dt.timedelta(seconds=1))
