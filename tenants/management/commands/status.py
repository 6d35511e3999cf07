"""`manage.py status`: what staff tell everybody of the platform: incidents, maintenance, how it goes on."""

import datetime as dt
from collections.abc import Callable
from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Problem
from tenants.status import components, incidents
from tenants.status.incidents import OF_INCIDENTS
from tenants.status.models import Incident


class Command(BaseCommand):
    help = "Open an incident, announce maintenance, say how it goes on, or list what is open. Subscribers are mailed."

    def add_arguments(self, parser: CommandParser) -> None:
        """open, schedule, update, list."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        opened = verbs.add_parser("open", help="tell of an incident")
        planned = verbs.add_parser("schedule", help="announce maintenance")
        for each in (opened, planned):
            each.add_argument("--title", required=True)
            each.add_argument("--text", required=True, help="what people should know")
            each.add_argument("--affects", required=True, nargs="+", help="components, as `list` names them")
        opened.add_argument("--state", default="investigating", choices=[str(state) for state in OF_INCIDENTS])
        planned.add_argument("--begins", required=True, help="such as 2026-12-01T02:00+00:00; without a zone it is UTC")
        planned.add_argument("--ends", required=True)
        updated = verbs.add_parser("update", help="say how an incident or maintenance goes on")
        updated.add_argument("incident")
        updated.add_argument("--state", required=True, choices=Incident.State.values)
        updated.add_argument("--text", required=True)
        verbs.add_parser("list", help="what is open, and the components that can be named")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        try:
            self.stdout.write(_VERBS[options["verb"]](options))
        except Problem as problem:
            raise CommandError(f"{problem.detail} {problem.hint}".strip()) from problem


def _open(options: dict[str, Any]) -> str:
    given = {name: options[name] for name in ("title", "text", "affects", "state")}
    return f"{incidents.open_incident(by=_operator(), **given).pk} is told."


def _schedule(options: dict[str, Any]) -> str:
    given = {name: options[name] for name in ("title", "text", "affects")}
    begins, ends = _moment(options["begins"]), _moment(options["ends"])
    made = incidents.schedule(by=_operator(), begins_at=begins, ends_at=ends, **given)
    return f"{made.pk} is announced."


def _update(options: dict[str, Any]) -> str:
    given = {"incident_id": options["incident"], "state": options["state"], "text": options["text"]}
    return f"{incidents.update(by=_operator(), **given).pk} is {options['state']}."


def _list(options: dict[str, Any]) -> str:
    now = timezone.now()
    open_ = [
        f"{each.pk} {incidents.stage_of(each, now)}: {each.title}" for each in Incident.objects.filter(resolved_at=None)
    ]
    known = [f"{each.key}: {each.full_name}" for each in components.everything()]
    return "\n".join(["Open:", *(open_ or ["nothing"]), "Components:", *known])


def _operator() -> Actor:
    return Actor.system(f"manage.py status by {getuser()}")


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no moment such as 2026-12-01T02:00+00:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


_VERBS: dict[str, Callable[[dict[str, Any]], str]] = {
    "open": _open,
    "schedule": _schedule,
    "update": _update,
    "list": _list,
}
