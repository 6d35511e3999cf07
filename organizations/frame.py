"""What the frame around every page shows: whose page it is, who looks and as what, and where one can go from here."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from controlplane.actor import actor_of
from controlplane.marks import Mark
from organizations import queries
from organizations.branding.queries import Look, look_of
from organizations.models import Organization
from organizations.permissions import PERMISSIONS
from organizations.roles.named import role_name
from organizations.sso.settings.rows import ending_soon, ending_words
from organizations.standings import Standing, standing_of


@dataclass(frozen=True)
class Link:
    """One line of the rail, or one crumb."""

    label: str
    url: str
    icon: str = ""
    current: bool = False
    count: int | None = None
    mark: Mark | None = None


@dataclass(frozen=True)
class Group:
    """Lines of the rail under one heading."""

    title: str
    links: Sequence[Link]


@dataclass(frozen=True)
class Choice:
    """One organization in the switcher."""

    name: str
    url: str
    note: str
    current: bool


@dataclass(frozen=True)
class Working:
    """The client in which the session works, for the line above each page."""

    client: str
    msp: str
    role: str
    url: str
    ends_at: dt.datetime | None


@dataclass(frozen=True)
class Frame:
    """Context of templates/frame.html."""

    organization: Organization
    permissions: frozenset[str]
    groups: Sequence[Group]
    crumbs: Sequence[Link]
    here: str
    commands: Sequence[Link]
    choices: Sequence[Choice]
    has_more_choices: bool
    person: str
    person_email: str
    role_words: str
    kind_words: str
    working: "Working | None"
    warnings: Sequence[Link]
    look: Look | None


MOST_CHOICES = 12
"""Organizations in the switcher; of more, the rest is found by name."""

# section, label, icon, route, permission that shows it
SETTINGS = (
    ("members", "Members", "users", "settings:members", "member.view"),
    ("roles", "Roles", "shield-check", "settings:roles", "member.view"),
    ("access", "Access by others", "eye", "settings:access", "member.view"),
    ("sso", "Sign-in and SSO", "log-in", "settings:sso", "sso.manage"),
    ("domains", "Domains", "globe", "settings:domains", "sso.manage"),
    ("security", "Security", "shield-check", "settings:security", "organization.manage"),
    ("brand", "Brand", "palette", "settings:brand", "organization.manage"),
    ("keys", "API keys", "terminal", "settings:keys", "key.manage"),
    ("audit", "Audit log", "scroll-text", "settings:audit", "audit.view"),
)

# the same: what comes first, before tenants and clients
FIRST = (("alerts", "Alerts", "bell", "fleet:alerts", "events.read"),)

# the same, across tenants
ACROSS_TENANTS = (
    ("inventory", "Inventory", "server", "tenants:inventory", "agent.view"),
    ("content", "Rules and content", "file-code", "tenants:content-files", "tenant.view"),
    ("rollouts", "Roll-outs", "rotate-cw", "tenants:rollouts", "tenant.view"),
    ("reports", "Reports", "scroll-text", "fleet:reports", "tenant.view"),
)

# the settings of MSPs alone
OF_MSPS = (
    ("client-templates", "Templates", "copy", "fleet:client-templates", "tenant.view"),
    ("client-access", "Access to clients", "link", "settings:client-access", "client.manage"),
)

# what is made or begun here: label, icon, route, permission that allows it
COMMANDS = (
    ("Create tenant", "plus", "tenants:create", "tenant.create"),
    ("Invite somebody", "mail", "settings:members", "member.manage"),
    ("Create API key", "terminal", "settings:key-new", "key.manage"),
    ("Create role", "shield-check", "settings:role-new", "member.manage"),
    ("Add an identity provider", "log-in", "settings:sso-new", "sso.manage"),
    ("Claim a host name", "globe", "settings:hostnames", "organization.manage"),
    ("Choose the sender of mails", "mail", "settings:mail-sender", "organization.manage"),
    ("Roll out a version", "rotate-cw", "tenants:rollout-new", "tenant.operate"),
)
COMMANDS_OF_MSPS = (
    ("Add client", "building-2", "fleet:client-new", "client.manage"),
    ("Import clients", "building-2", "fleet:client-imports", "client.manage"),
    ("New template", "copy", "fleet:client-template-new", "client.manage"),
)


def home_link(organization: Organization, section: str) -> Link:
    """The organization's first page: its tenants, or an MSP's clients."""
    label, icon = ("Fleet", "boxes") if organization.is_msp else ("Tenants", "boxes")
    return Link(label, home_url(organization.pk), icon, current=section == "home")


def room_links(organization: Organization, permissions: frozenset[str], section: str) -> list[Link]:
    """The lines of an organization: alerts, its first page, what lies across its tenants and its clients' tenants."""
    first, across = (_lines(table, organization, permissions, section) for table in (FIRST, ACROSS_TENANTS))
    return [*first, home_link(organization, section), *across]


def home_url(organization_id: str) -> str:
    """Address of an organization's first page."""
    return reverse("fleet:home", args=[organization_id])


def settings_links(organization: Organization, permissions: frozenset[str], section: str) -> list[Link]:
    """The settings pages that somebody with `permissions` may open."""
    table = (*OF_MSPS, *SETTINGS) if organization.is_msp else SETTINGS
    return _lines(table, organization, permissions, section)


def _lines(
    table: Sequence[tuple[str, str, str, str, str]],
    organization: Organization,
    permissions: frozenset[str],
    section: str,
) -> list[Link]:
    """Lines of the rail by a table: section, label, icon, route, permission that shows it."""
    return [
        Link(label, reverse(route, args=[organization.pk]), icon, current=section == key)
        for key, label, icon, route, permission in table
        if permission in permissions
    ]


def frame_for(
    request: HttpRequest,
    organization: Organization,
    *,
    here: str,
    section: str = "",
    crumbs: Sequence[Link] = (),
    groups: Sequence[Group] | None = None,
    commands: Sequence[Link] = (),
) -> Frame:
    """
    The frame of one page of `organization`.

    Args:
        here: the page's own name, last in the breadcrumbs.
        section: key of the rail line that is current ("home", "members", …).
        crumbs: what stands between the organization and `here`.
        groups: rail groups of the page's room; without them, the organization's own.
        commands: what the page's room adds to what can be begun from anywhere.
    """
    standing = standing_of(actor_of(request), organization)
    permissions = standing.permissions if standing else frozenset()
    own = Group("", room_links(organization, permissions, section))
    settings = Group("Organization", settings_links(organization, permissions, section))
    shown = [*groups, Group("Organization", [*own.links, *settings.links])] if groups else [own, settings]
    through = _msp_name(request, standing)
    nearest, has_more = _nearest(request, organization)
    return Frame(
        organization=organization,
        permissions=permissions,
        groups=[group for group in shown if group.links],
        crumbs=[Link(organization.name, home_url(organization.pk)), *crumbs],
        here=here,
        commands=[*commands, *_commands(organization, permissions)],
        choices=choices_of(nearest, organization),
        has_more_choices=has_more,
        person=str(request.user),
        person_email=getattr(request.user, "email", ""),
        role_words=f"{role_words(standing)} through {through}" if through else role_words(standing),
        kind_words=_kind_words(organization, through),
        working=_working(request),
        warnings=_warnings(organization, permissions),
        look=look_of(organization),
    )


def _commands(organization: Organization, permissions: frozenset[str]) -> list[Link]:
    table = (*COMMANDS_OF_MSPS, *COMMANDS) if organization.is_msp else COMMANDS
    return linked(table, organization.pk, permissions)


def linked(table: Sequence[tuple[str, str, str, str]], target: str, permissions: frozenset[str]) -> list[Link]:
    """Commands of a table (label, icon, route, permission) that somebody with `permissions` may use on `target`."""
    return [
        Link(label, reverse(route, args=[target]), icon)
        for label, icon, route, permission in table
        if permission in permissions
    ]


def _warnings(organization: Organization, permissions: frozenset[str]) -> list[Link]:
    """What ends soon, for whoever manages sign-in. The link leads to where it is mended, for owners, who alone may."""
    if "sso.manage" not in permissions:
        return []
    may_mend = permissions >= PERMISSIONS
    ending = [(each, [organization.pk, each.pk]) for each in ending_soon(organization)]
    return [
        Link(ending_words(each), reverse("settings:sso-certificate-new", args=ids) if may_mend else "")
        for each, ids in ending
    ]


def _msp_name(request: HttpRequest, standing: Standing | None) -> str:
    if standing is None or standing.msp_id is None:
        return ""
    return str(queries.find(actor_of(request), standing.msp_id))


def _working(request: HttpRequest) -> Working | None:
    """What the session chose, as far as it still holds."""
    actor = actor_of(request)
    if actor.working is None:
        return None
    grant = queries.working_under(actor)
    standing = standing_of(actor, grant.client_id) if grant else None
    if grant is None or standing is None or standing.grant_id != grant.pk:
        return None
    return Working(grant.client.name, grant.msp.name, role_words(standing), home_url(grant.client_id), standing.ends_at)


def role_words(standing: Standing | None) -> str:
    """As what somebody stands in an organization; what a ceiling leaves of a role may have no name."""
    if standing is None:
        return "No role here"
    return role_name(standing.organization_id, standing.role) if standing.role else "Limited access"


def _kind_words(organization: Organization, through: str) -> str:
    if organization.is_msp:
        return "Service provider"
    return f"Client of {through}" if through else "Organization"


def choices_of(organizations: Iterable[Organization], current: Organization | None = None) -> list[Choice]:
    """Organizations as lines of the switcher."""
    return [
        Choice(each.name, home_url(each.pk), "MSP" if each.is_msp else "", each == current) for each in organizations
    ]


def _nearest(request: HttpRequest, current: Organization) -> tuple[list[Organization], bool]:
    """The first few that somebody may enter, the page's own among them; and whether there are more."""
    seen = queries.visible_to(actor_of(request)).order_by("kind", "name", "id")
    first = list(seen[: MOST_CHOICES + 1])
    shown = first[:MOST_CHOICES]
    return shown if current in shown else [current, *shown[:-1]], len(first) > MOST_CHOICES
