"""Destinations, routes and notices ready to be read."""

from collections.abc import Mapping
from typing import Any

from controlplane.marks import Mark
from fleet.alerts.models import Alert
from fleet.alerts.severity import Severity
from fleet.routing.kinds import where
from fleet.routing.models import Destination, Notice, Route

STATES = {
    "waiting": Mark("working", "loader-circle", "On its way"),
    "sent": Mark("ok", "circle-check", "Taken"),
    "failed": Mark("failed", "circle-x", "Given up"),
}


def destination_row(destination: Destination) -> dict[str, Any]:
    """One destination of a list."""
    return {
        "id": destination.pk,
        "name": destination.name,
        "kind": destination.get_kind_display(),
        "where": where(destination),
        "created_at": destination.created_at,
    }


def route_row(route: Route, names: Mapping[str, str]) -> dict[str, Any]:
    """One route of a list. Args: names: of organizations, by id."""
    return {
        "id": route.pk,
        "severity": Severity(route.severity).label,
        "kinds": [Alert.Kind(each).label for each in route.kinds if each in Alert.Kind.values],
        "clients": [names.get(each, each) for each in route.clients],
        "destination": route.destination.name,
    }


def notice_row(notice: Notice) -> dict[str, Any]:
    """One notice of a list."""
    waits = notice.state == Notice.State.WAITING and notice.attempts
    return {
        "id": notice.pk,
        "title": notice.content.get("title", ""),
        "client": notice.content.get("client", ""),
        "url": notice.content.get("link", ""),
        "what": notice.get_what_display(),
        "destination": notice.destination.name,
        "mark": STATES[notice.state].saying(word="Is tried again" if waits else ""),
        "error": notice.last_error,
        "attempts": notice.attempts,
        "at": notice.created_at,
        "can_replay": notice.state == Notice.State.FAILED and notice.destination.removed_at is None,
    }
