"""The kinds of destinations as data: what each has to be told, what its secret is, and what it is told of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fleet.routing.models import Destination, Notice
from fleet.routing.senders import jira, pagerduty, slack, teams, webhook
from fleet.routing.senders.request import Content, Request

What, Kind = Notice.What, Destination.Kind
ALWAYS = frozenset({What.RAISED, What.MANY, What.TEST})
ALL = ALWAYS | {What.ACKNOWLEDGED, What.CLOSED}


@dataclass(frozen=True)
class Field:
    """One thing to be said of a destination."""

    label: str
    help: str
    longest: int = 200
    choices: tuple[str, ...] = ()
    is_address: bool = False


@dataclass(frozen=True)
class DestinationKind:
    """
    One kind. `build` is None for what goes by the portal's own mail. `tells` is what it is told of; of the rest it has
    no use. Where `secret` is an address, calls go there.
    """

    settings: Mapping[str, Field]
    secret: Field | None
    tells: frozenset[Notice.What]
    build: Callable[[Destination, Content], Request] | None


KINDS: dict[str, DestinationKind] = {
    Kind.EMAIL: DestinationKind(
        {"to": Field("To", "A member's address, or one in a domain that the organization has proven.", 254)},
        None,
        ALWAYS,
        None,
    ),
    Kind.SLACK: DestinationKind(
        {},
        Field("Webhook", "The address of an incoming webhook; it is not shown again.", 500, is_address=True),
        ALWAYS,
        slack.build,
    ),
    Kind.TEAMS: DestinationKind(
        {},
        Field(
            "Workflow",
            "The address of a workflow that receives webhook requests; it is not shown again.",
            1000,
            is_address=True,
        ),
        ALWAYS,
        teams.build,
    ),
    Kind.PAGERDUTY: DestinationKind(
        {"region": Field("Region", "Where your PagerDuty account is.", 2, ("us", "eu"))},
        Field("Integration key", "Of an Events API v2 integration; it is not shown again.", 64),
        ALL,
        pagerduty.build,
    ),
    Kind.WEBHOOK: DestinationKind(
        {"url": Field("Address", "It gets signed JSON.", 500, is_address=True)},
        Field("Signing secret", "At least 16 characters, which you check signatures with; it is not shown again.", 200),
        ALL,
        webhook.build,
    ),
    Kind.JIRA: DestinationKind(
        {
            "url": Field("Site", "Such as https://acme.atlassian.net", 200, is_address=True),
            "project": Field("Project", "Its key, such as OPS.", 32),
            "issue_type": Field("Type of issue", "Such as Task.", 64),
            "user": Field("Account", "The e-mail address that the token belongs to.", 254),
        },
        Field("API token", "Of that account; it is not shown again.", 500),
        ALWAYS,
        jira.build,
    ),
}
LEAST_SIGNING_SECRET = 16


def where(destination: Destination) -> str:
    """What of a destination's settings tells people which it is."""
    settings = destination.settings
    shown = {
        Kind.EMAIL: settings.get("to"),
        Kind.WEBHOOK: settings.get("url"),
        Kind.JIRA: f"{settings.get('project')} at {settings.get('url')}",
        Kind.PAGERDUTY: f"region {settings.get('region')}",
    }
    return str(shown.get(Kind(destination.kind), "an address that is not shown"))
