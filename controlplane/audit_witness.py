"""
What others know of audit chains: ends that were told to another system, and that a chain has to lead through.

Rooms that keep such ends elsewhere register who tells of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controlplane import rls
from controlplane.audit_chain import Break
from controlplane.models import AuditEntry


@dataclass(frozen=True)
class Witness:
    """`source` was told that the entry at `position` has this hash."""

    source: str
    position: int
    hash: str


@dataclass(frozen=True)
class Unheard:
    """`source` could not be asked, and why."""

    source: str
    reason: str


type Told = Callable[[str], Iterator[Witness | Unheard]]
_told: list[Told] = []


def witnessed_by(told: Told) -> Told:
    """Registers who tells what others know of an organization's chain."""
    _told.append(told)
    return told


def compare(organization_id: str) -> tuple[list[Break], list[Unheard]]:
    """Where a chain does not lead through what others know of it, and who could not be asked."""
    heard = [each for told in _told for each in told(organization_id)]
    with rls.reading_as(rls.actor_of(organization_id)):
        found = [break_of(organization_id, each) for each in heard if isinstance(each, Witness)]
    return [each for each in found if each], [each for each in heard if isinstance(each, Unheard)]


def break_of(organization_id: str, witness: Witness) -> Break | None:
    """Where a chain does not lead through what one witness knows; the caller acts as its organization."""
    entries = AuditEntry.objects.filter(organization_id=organization_id)
    mac = entries.filter(position=witness.position).values_list("mac", flat=True).first()
    if mac is None:
        last = entries.order_by("-position").values_list("position", flat=True).first() or 0
        words = f"entries are missing: {witness.source} was told of entry {witness.position}, and it is not there"
        return Break(organization_id, min(last + 1, witness.position), "truncated", words, witness.position)
    if mac != witness.hash:
        words = f"the chain was written anew: {witness.source} was told another hash of the entry"
        return Break(organization_id, witness.position, "forked", words)
    return None
