"""Audit entries as people read them. What has no words here is shown by its plain name, never hidden."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

NOUNS = {
    "agents": "Agents",
    "alert": "Alert",
    "audit": "Audit log",
    "api_key": "API key",
    "brand": "Brand",
    "break_glass": "Emergency sign-in",
    "client_import": "Import of clients",
    "client_roles": "A member's clients",
    "client_template": "Template",
    "connection": "Sign-in connection",
    "content": "Content",
    "directory_group": "Directory's group",
    "directory_user": "Directory's user",
    "scim_token": "Provisioning token",
    "dashboard": "Dashboard",
    "destination": "Destination of alerts",
    "emergency_access": "Emergency access of an MSP",
    "enrollment": "Enrollment",
    "entry": "What entry demands",
    "events": "Event stream",
    "export": "Export",
    "access_request": "Request for access",
    "grant": "MSP access",
    "hostname": "Host name",
    "incident": "Incident",
    "join_request": "Request to join",
    "mail_sender": "Sender of mails",
    "notice": "Notice of an alert",
    "offboarding": "Offboarding",
    "policy": "Sign-in policy",
    "receipt": "Receipt",
    "report": "Report",
    "report_address": "Recipient of reports",
    "report_link": "Public link of a report",
    "report_plan": "Planned report",
    "role": "Role",
    "rollout": "Roll-out",
    "route": "Route of alerts",
    "rotation": "Certificate rotation",
    "status_link": "Public status link",
    "status_subscription": "Subscription to the status",
    "session": "Session",
    "suppression": "Suppression of alerts",
    "work": "Work in the client",
    "trail": "Audit trail",
    "view": "View of the fleet",
}
VERBS = {
    "follow": "followed by a client again",
    "override": "overridden for a client",
    "give": "given to a client",
    "take_away": "taken from a client",
    "content": "asked to run other content",
    "content_kept": "kept at the content that runs",
    "leave_out": "left out",
    "save": "saved in another version",
    "issue": "issued",
    "order": "ordered about in several tenants at once",
    "restart": "asked to restart",
    "cancel_move": "no longer to be moved",
    "move": "to be moved to another tenant",
    "groups": "given other groups",
    "import": "imported",
    "break": "found to be changed outside the portal",
    "differ": "found to differ from what the edge knows of it",
    "exchange": "told to the edge, and the edge's told here",
    "export": "exported",
    "download": "downloaded",
    "carry": "to be reviewed later: nobody owns the client yet",
    "review": "reviewed",
    "review_due": "to be reviewed now",
    "add_certificate": "given a further certificate",
    "add_own_key": "given our next key",
    "block": "blocked",
    "certificate_ending": "about to lose its last certificate",
    "choose": "given another owner",
    "claim": "claimed",
    "describe": "described anew",
    "expire": "given up: nobody ever signed in",
    "give_up": "given up",
    "grant": "given access",
    "just_in_time": "told who joins by it",
    "map": "given another mapping",
    "miss": "no longer found in DNS",
    "prove": "proven by DNS",
    "remove_certificate": "relieved of a certificate",
    "set": "set",
    "set_logo": "given another logo",
    "remove_logo": "relieved of a logo",
    "sign_requests": "told whether to sign requests",
    "switch_own_key": "switched to our next key",
    "sign_out": "signed out as a whole",
    "test": "tested",
    "trust_second_factor": "told whether its sign-ins count as a second factor",
    "use": "used",
    "unblock": "given access again",
    "abandon": "asked to be cleaned up",
    "acknowledge": "acknowledged",
    "activate": "activated",
    "approve": "approved",
    "back_up": "asked to be backed up",
    "begin": "begun",
    "confirm": "confirmed",
    "cancel": "cancelled",
    "change": "changed",
    "clone": "asked for, from a backup",
    "change_plan": "put on another plan",
    "change_role": "given another role",
    "create": "created",
    "decline": "declined",
    "delete": "asked to be deleted",
    "disable": "switched off",
    "enable": "switched on",
    "end": "ended",
    "enroll": "enrolled",
    "enter": "entered",
    "erase": "asked to be erased",
    "erased": "erased",
    "erasure_announced": "about to be erased",
    "finish": "finished",
    "go_on": "told to go on",
    "hold": "held",
    "limit": "limited",
    "name": "given the MSP's own id",
    "number": "given an external id",
    "link": "linked",
    "miss_window": "not begun in its maintenance window",
    "open": "opened",
    "protect": "protected from deletion",
    "quarantine": "quarantined",
    "refuse": "refused",
    "remove": "removed",
    "rename": "renamed",
    "renew": "renewed",
    "reset": "set anew by a mailed link",
    "resend": "sent again",
    "restore": "asked to be restored",
    "resize": "asked to take its plan's sizes",
    "bind": "tied to the person who signed in",
    "deactivate": "deactivated",
    "ending": "about to end",
    "forget_directory": "freed from its directory",
    "name_people": "told what names people in its directory",
    "resume": "resumed",
    "retry": "retried",
    "revert": "asked to be what it was before",
    "revoke": "revoked",
    "rotate": "rotated",
    "rollback": "asked to return to the version before",
    "rotate_certificates": "asked to exchange its certificates",
    "schedule": "scheduled for the maintenance window",
    "set_maintenance_window": "given another maintenance window",
    "set_backup_schedule": "given another schedule of backups",
    "set_ring": "put into another ring",
    "set_sleep_policy": "told when to sleep",
    "sleep": "asked to sleep",
    "rotate_credentials": "asked to exchange its nodes' passwords",
    "ask": "asked for",
    "assign": "assigned",
    "close": "closed",
    "note": "given a note",
    "reopen": "reopened",
    "sign": "signed by the edge",
    "start": "started",
    "stop": "stopped",
    "suspend": "suspended",
    "take_back": "taken back",
    "undelete": "taken out of the recycle bin",
    "unprotect": "no longer protected",
    "upgrade": "asked to change its version",
    "version_kept": "kept at the version that runs",
    "wake": "asked to wake up",
    "withdraw": "withdrawn",
}

# Not worth a reader's time: the organization's own id, and what the columns beside show already.
UNSAID = frozenset({"tenant", "msp", "client", "side", "operation", "method", "route"})
LONG_ID = re.compile(r"(?:[a-z]+_)?[a-z2-7]{20,26}")


def action_words(action: str, *, refused: bool = False) -> str:
    """'organizations.api_key.create' → 'API key created'."""
    verb = action.split(".")[-1]
    words = f"{noun_of(action)} {VERBS.get(verb) or verb.replace('_', ' ')}"
    return f"{words} (refused)" if refused and verb != "refuse" else words


def noun_of(action: str) -> str:
    """'organizations.api_key.create', or only 'organizations.api_key' → 'API key'."""
    thing = [*action.split("."), ""][1]
    return NOUNS.get(thing) or thing.replace("_", " ").capitalize()


def details(data: Mapping[str, Any]) -> str:
    """The facts of an entry in one line."""
    said = ((name, value) for name, value in data.items() if name not in UNSAID and value not in ("", None, [], {}))
    return ", ".join(f"{name.replace('_', ' ')} {plain(value)}" for name, value in said)


def plain(value: Any) -> str:
    """Any JSON value in a few characters: ids shortened, times as days."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name.replace('_', ' ')} {plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        *first, last = map(plain, value or ["none"])
        return f"{', '.join(first)} and {last}" if first else last
    if value is None or isinstance(value, bool):
        return {None: "not set", True: "yes", False: "no"}[value]
    text = str(value)
    if LONG_ID.fullmatch(text):
        return f"{text[:8]}…{text[-4:]}"
    return _day(text) if re.match(r"\d{4}-\d\d-\d\dT", text) else text


def _day(text: str) -> str:
    try:
        return f"{dt.datetime.fromisoformat(text):%-d %b %Y, %H:%M}"
    except ValueError:
        return text
