"""How permissions read for people, in groups and in the order in which they are offered."""

from collections.abc import Collection
from dataclasses import dataclass

from organizations.permissions import PERMISSIONS


@dataclass(frozen=True)
class Described:
    """One permission: what it is called, and what it lets somebody do."""

    key: str
    words: str
    help: str


@dataclass(frozen=True)
class Area:
    """Permissions that belong together."""

    title: str
    permissions: tuple[Described, ...]


def _area(title: str, *permissions: tuple[str, str, str]) -> Area:
    return Area(title, tuple(Described(*each) for each in permissions))


AREAS = (
    _area(
        "Tenants",
        ("tenant.view", "See tenants and operations", "State, nodes, versions, backups and what is being done."),
        ("tenant.create", "Create tenants", "Each counts for the organization's plan. Opens dashboards as admin."),
        ("tenant.operate", "Start, stop and retry", "Also upgrades, resizes, backups and certificates."),
        ("tenant.delete", "Delete tenants", "With all data, after the time in the bin; also protects from deletion."),
    ),
    _area(
        "Content",
        ("content.manage", "Write rules and decoders", "Those of the organization; a provider's, for its clients too."),
    ),
    _area(
        "Agents and tokens",
        ("token.view", "See enrollment tokens", "Their limits and uses, never their secrets."),
        ("token.create", "Create enrollment tokens", "Whoever has one connects machines to a tenant."),
        ("token.revoke", "Revoke enrollment tokens", "At once, for good."),
        ("agent.view", "See agents", "Names, addresses, versions and whether they are connected."),
        ("agent.manage", "Group, upgrade and remove agents", "One or many of a tenant; removing has no way back."),
        ("agent.quarantine", "Quarantine agents", "Cuts machines off, one or all of a token, and lets them back."),
    ),
    _area(
        "Data",
        ("dashboard.open", "Open dashboards", "Read-only, unless the role also starts and stops tenants."),
        ("events.read", "Read events", "On the events page, as a stream for programs, and as alerts in the inbox."),
        ("alert.handle", "Handle alerts", "Acknowledges, assigns, closes and suppresses them."),
        ("alert.route", "Route alerts", "Says where they are told: mail, chat, pagers, tickets."),
    ),
    _area(
        "People",
        ("member.view", "See members", "Who belongs here, with which role, and who acts here for a provider."),
        ("member.manage", "Manage members", "Invites, changes and removes people, and makes roles, within its own."),
        ("key.manage", "Manage API keys", "Makes keys that can do no more than their maker; revokes everybody's."),
        ("sso.manage", "Manage sign-in", "Sets up providers and claims domains; what proves people, an owner decides."),
        ("audit.view", "Read the audit log", "Everything that was done here, and by whom."),
    ),
    _area(
        "Organization",
        ("billing.view", "See billing", "Plan, usage and invoices."),
        ("billing.manage", "Manage billing", "Changes the plan and how it is paid."),
        (
            "client.emergency",
            "Break into clients in an emergency",
            "A provider's own: for a while, with a reason, where the client allows it.",
        ),
        ("report.manage", "Plan reports", "Of clients and tenants: issues them, mails them and makes public links."),
        ("client.manage", "Manage clients", "A provider's own: adds clients and ends access to them."),
        (
            "organization.manage",
            "Manage the organization",
            "What the organization itself decides: who manages it, say.",
        ),
    ),
)

PERMISSION_WORDS = {each.key: each.words for area in AREAS for each in area.permissions}


def in_words(permissions: Collection[str]) -> str:
    """What a key or a role may do, in a few words."""
    if set(permissions) >= PERMISSIONS:
        return "Everything"
    words = [text for key, text in PERMISSION_WORDS.items() if key in permissions]
    shown = ", ".join([words[0], *(text[0].lower() + text[1:] for text in words[1:3])]) if words else "Nothing"
    return f"{shown} and {len(words) - 3} more" if len(words) > 3 else shown
