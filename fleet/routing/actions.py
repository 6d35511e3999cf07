"""Making and removing destinations and routes, trying a destination out, and sending again what it did not take."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from fleet.alerts.models import Alert
from fleet.alerts.queries import organizations_around
from fleet.alerts.severity import Severity
from fleet.routing import routing
from fleet.routing.addresses import is_ours
from fleet.routing.kinds import KINDS, LEAST_SIGNING_SECRET, DestinationKind, Field
from fleet.routing.models import Destination, Notice, Route
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.sso import outgoing

LONGEST_NAME = 80
MOST_DESTINATIONS, MOST_ROUTES = 50, 100


@transaction.atomic
def add_destination(
    *, by: Actor, organization: Organization, kind: str, name: str, settings: Mapping[str, str], secret: str = ""
) -> Destination:
    """
    Make a destination. Its secret is kept encrypted and never shown again.

    Args: kind, settings, secret: see `kinds.KINDS`. Raises Invalid naming the field, Conflict for a name that is taken
    or one too many, Forbidden.
    """
    standing = access.require(by, "alert.route", organization)
    words = name.strip()
    if not 1 <= len(words) <= LONGEST_NAME:
        raise Invalid(f"A name has 1 to {LONGEST_NAME} characters. Nothing was saved.", field="name")
    known = Destination.objects.filter(organization=organization, removed_at=None)
    if known.filter(name=words).exists():
        raise Conflict("A destination of this name is there already. Nothing was saved.", code="NAME_TAKEN")
    if known.count() >= MOST_DESTINATIONS:
        raise Conflict(f"There are {MOST_DESTINATIONS} destinations already. Nothing was saved.", code="TOO_MANY")
    made = Destination.objects.create(
        organization=organization,
        kind=kind,
        name=words,
        settings=_settings(organization, kind, settings),
        secret=_secret(KINDS[kind], secret, kind),
        created_by=by.user_id,
    )
    trail.record(by, standing, "fleet.destination.create", made.pk, name=made.name, kind=kind)
    return made


@transaction.atomic
def remove_destination(*, by: Actor, destination: Destination) -> None:
    """Tell it nothing any more: its routes go, its secret is forgotten, the log of its notices stays."""
    standing = access.require(by, "alert.route", destination.organization_id)
    destination.removed_at, destination.secret = timezone.now(), ""
    destination.save(update_fields=["removed_at", "secret"])
    Route.objects.filter(destination=destination).delete()
    trail.record(by, standing, "fleet.destination.remove", destination.pk, name=destination.name)


@transaction.atomic
def try_destination(*, by: Actor, destination: Destination) -> Notice:
    """Send it a test, which stands among its notices."""
    standing = access.require(by, "alert.route", destination.organization_id)
    organization = Organization.objects.get(pk=destination.organization_id)
    content = {
        **{"what": Notice.What.TEST, "alert": "", "key": "", "kind": "test", "severity": Severity.MEDIUM},
        **{"tenant": "", "agent": "", "rule": "", "client": organization.name},
        "title": f"A test of alerts from {organization.name}",
        "at": timezone.now().isoformat(timespec="seconds"),
        "link": routing.link("fleet:alerts", organization.pk),
    }
    trail.record(by, standing, "fleet.destination.test", destination.pk, name=destination.name)
    return routing.write(organization.pk, destination.pk, Notice.What.TEST, content)


@transaction.atomic
def add_route(
    *,
    by: Actor,
    organization: Organization,
    destination: Destination,
    severity: str,
    kinds: Sequence[str] = (),
    clients: Sequence[str] = (),
) -> Route:
    """
    Have a destination told of alerts that are raised from now on.

    Args: severity: at least so grave; kinds, clients: only these; all where none is named. Raises Invalid, Conflict,
    Forbidden.
    """
    standing = access.require(by, "alert.route", organization)
    if severity not in Severity.values:
        raise Invalid(f"A severity is one of {', '.join(Severity.values)}.", field="severity")
    if unknown := sorted(set(kinds) - set(Alert.Kind.values)):
        raise Invalid(f"There is no kind of alert called {unknown[0][:40]}.", field="kinds")
    around = {each.pk for each in organizations_around(by, organization)}
    if set(clients) - around:
        raise Invalid("One of these organizations is none that you see here.", field="clients")
    if Route.objects.filter(organization=organization).count() >= MOST_ROUTES:
        raise Conflict(f"There are {MOST_ROUTES} routes already. Nothing was saved.", code="TOO_MANY")
    terms = {"severity": severity, "kinds": sorted(set(kinds)), "clients": sorted(set(clients))}
    made = Route.objects.create(organization=organization, destination=destination, created_by=by.user_id, **terms)
    trail.record(by, standing, "fleet.route.create", made.pk, destination=destination.name, **terms)
    return made


@transaction.atomic
def remove_route(*, by: Actor, route: Route) -> None:
    """Tell its destination no more by this route."""
    standing = access.require(by, "alert.route", route.organization_id)
    trail.record(by, standing, "fleet.route.remove", route.pk, destination=route.destination.name)
    route.delete()


@transaction.atomic
def replay(*, by: Actor, notice: Notice) -> Notice:
    """
    Send once more what the destination did not take.

    Raises Conflict for one that is on its way or was taken, and for what was raised and is closed by now: its end was
    told nobody who had not heard of its beginning, so that it would never end there.
    """
    standing = access.require(by, "alert.route", notice.organization_id)
    if notice.what == Notice.What.RAISED and not _is_to_do(notice.alert_id):
        raise Conflict("The alert is not open any more, or none that you see. Nothing was sent.", code="NOTICE_STATE")
    failed = Notice.objects.filter(pk=notice.pk, state=Notice.State.FAILED, destination__removed_at=None)
    if not failed.update(state=Notice.State.WAITING, attempts=0, next_attempt_at=timezone.now(), last_error=""):
        raise Conflict("Only what was given up is sent again. Nothing was changed.", code="NOTICE_STATE")
    notice.refresh_from_db()
    trail.record(by, standing, "fleet.notice.retry", notice.pk, destination=notice.destination.name)
    routing.wake_sending(notice)
    return notice


def _settings(organization: Organization, kind: str, given: Mapping[str, str]) -> dict[str, str]:
    fields = KINDS[kind].settings
    found = {name: _value(name, field, given.get(name, "")) for name, field in fields.items()}
    if kind == Destination.Kind.EMAIL:
        _require_ours(organization, found["to"])
    return found


def _secret(of: DestinationKind, secret: str, kind: str) -> str:
    if of.secret is None:
        return ""
    value = _value("secret", of.secret, secret)
    if kind == Destination.Kind.WEBHOOK and len(value) < LEAST_SIGNING_SECRET:
        raise Invalid(f"A signing secret has at least {LEAST_SIGNING_SECRET} characters.", field="secret")
    return value


def _value(name: str, field: Field, given: Any) -> str:
    value = str(given or "").strip()
    if not 1 <= len(value) <= field.longest:
        raise Invalid(f"{field.label}: 1 to {field.longest} characters are needed. Nothing was saved.", field=name)
    if not value.isprintable() or (field.choices and value not in field.choices):
        raise Invalid(f"{field.label}: this can't be used. {field.help}", field=name)
    if field.is_address:
        try:
            outgoing.checked(value, field.label.lower())
        except outgoing.OutgoingRefused as refusal:
            raise Invalid(f"{refusal} Nothing was saved.", field=name) from refusal
    return value


def _is_to_do(alert_id: str) -> bool:
    return Alert.objects.filter(pk=alert_id, state__in=Alert.TO_DO).exists()


def _require_ours(organization: Organization, address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("This is no e-mail address. Nothing was saved.", field="to") from error
    if not is_ours(organization, address):
        raise Invalid(
            "Alerts are mailed to members, and to addresses in a domain that the organization has proven.", field="to"
        )
