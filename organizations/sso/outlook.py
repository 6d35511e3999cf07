"""
What a proven identity gets at its organization: decided here and nowhere else, for real sign-ins and for tests alike.

Pure: the caller looks the facts up, and carries the decision out.
"""

from dataclasses import dataclass
from enum import StrEnum

from organizations.permissions import Role
from organizations.sso.group_roles import Verdict, verdict
from organizations.sso.models import Connection


class Fate(StrEnum):
    """What becomes of the sign-in. The last six refuse it; their values are the codes of the audit trail."""

    ENTERS = "ENTERS"
    JOINS = "JOINS"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    ADDRESS_NOT_PROVEN = "ADDRESS_NOT_PROVEN"
    EMAIL_UNVERIFIED = "EMAIL_UNVERIFIED"
    NO_ACCESS = "NO_ACCESS"
    DEPROVISIONED = "DEPROVISIONED"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True)
class Known:
    """
    What is known here of an identity: the role of the membership it is tied to, if any, and what may not be lost.

    `is_provisioned` says that the organization's directory names them as one who belongs, `is_deprovisioned` that it
    took them away; `is_blocked` that the membership's access was taken away, and `is_blocked_here` that it was by this
    very connection or its directory.
    """

    role: str | None = None
    keeps_owner: bool = False
    address_is_proven: bool = False
    email_disputed: bool = False
    is_provisioned: bool = False
    is_deprovisioned: bool = False
    is_blocked: bool = False
    is_blocked_here: bool = False


@dataclass(frozen=True)
class Outlook:
    """
    The decision. `role` is what they have after the sign-in; `group` the group that gives it, empty for the default.

    `is_mapped` says whether groups were asked at all, `kept` that the last or the emergency owner stays one in spite
    of them.
    """

    fate: Fate
    role: str | None = None
    group: str = ""
    is_mapped: bool = False
    kept: bool = False

    @property
    def is_refused(self) -> bool:
        return self.fate not in (Fate.ENTERS, Fate.JOINS)


def outlook(connection: Connection, groups: tuple[str, ...], known: Known) -> Outlook:
    """Decides. Args: groups: what the provider says the person is in."""
    found = verdict(connection.role_rules, connection.default_role, groups)
    return _of_member(connection, found, known) if known.role else _of_stranger(connection, found, known)


def _of_member(connection: Connection, found: Verdict, known: Known) -> Outlook:
    if known.is_deprovisioned:
        kept = Outlook(Fate.ENTERS, known.role, kept=True)
        return kept if known.keeps_owner else Outlook(Fate.DEPROVISIONED)
    # The attack: whom the groups of one connection shut out comes in by another that asks for none.
    if known.is_blocked and not (known.is_blocked_here and (connection.maps_roles or known.is_provisioned)):
        return Outlook(Fate.BLOCKED, is_mapped=connection.maps_roles)
    if not connection.maps_roles:
        return Outlook(Fate.ENTERS, known.role)
    if known.keeps_owner and found.role != Role.OWNER:
        return Outlook(Fate.ENTERS, known.role, found.group, is_mapped=True, kept=True)
    if found.role is None:
        return Outlook(Fate.NO_ACCESS, is_mapped=True)
    return Outlook(Fate.ENTERS, found.role, found.group, is_mapped=True)


def _of_stranger(connection: Connection, found: Verdict, known: Known) -> Outlook:
    """Nobody joins but whom the directory names, or by an address of a proven domain: any other may be asserted."""
    mapped = connection.maps_roles
    if (refusal := _refusal_of_stranger(connection, known)) is not None:
        return Outlook(refusal, is_mapped=mapped)
    if found.role is None:
        return Outlook(Fate.NO_ACCESS, is_mapped=mapped)
    return Outlook(Fate.JOINS, found.role, found.group, is_mapped=mapped)


def _refusal_of_stranger(connection: Connection, known: Known) -> Fate | None:
    if known.is_deprovisioned:
        return Fate.DEPROVISIONED
    if known.is_provisioned:
        return None
    if not connection.just_in_time:
        return Fate.NOT_A_MEMBER
    if known.email_disputed:
        return Fate.EMAIL_UNVERIFIED
    return None if known.address_is_proven else Fate.ADDRESS_NOT_PROVEN


REASONS: dict[Fate, str] = {
    Fate.NOT_A_MEMBER: "The identity belongs to no member of this organization.",
    Fate.ADDRESS_NOT_PROVEN: "The address lies in no domain that this organization has proved.",
    Fate.EMAIL_UNVERIFIED: "The provider says that it has not verified the address.",
    Fate.NO_ACCESS: "The provider's groups give no access.",
    Fate.DEPROVISIONED: "The organization's directory took the person away.",
    Fate.BLOCKED: "Another connection or a directory took access away; that, or an administrator, gives it back.",
}
