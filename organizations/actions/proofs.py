"""What becomes of a claim on a name in DNS, whatever it is claimed for: looked for, written down, told."""

import datetime as dt
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, NotFound
from organizations.actions.locks import locked_organization
from organizations.domain_names import judging
from organizations.domain_names.claim import Claim
from organizations.domain_names.dns import Found, look
from organizations.models import Organization

LEASE = dt.timedelta(minutes=2)
TAKEN_WORDS = "The record is there, but another organization has proved this name."


def keep[C: Claim](claim: C, *, most: int, too_many: str) -> C:
    """
    Part of a transaction as the claim's organization: keeps a new claim. Raises Conflict for one that is there already.

    Args: most: that one organization may have; too_many: what whoever has them is told.
    """
    locked_organization(claim.organization_id)
    own = type(claim)._default_manager.filter(organization_id=claim.organization_id)
    if own.filter(name=claim.name).exists():
        raise Conflict(f"{claim.name} is claimed already. Nothing was changed.", code="ALREADY_CLAIMED")
    if own.count() >= most:
        raise Conflict(too_many, code="TOO_MANY")
    claim.save(force_insert=True)
    return claim


def found[C: Claim](kind: type[C], organization: Organization, pk: str) -> C:
    """One of an organization's claims, read as the organization. Raises NotFound."""
    claim = kind._default_manager.filter(organization_id=organization.pk, pk=pk).first()
    if claim is None:
        raise NotFound
    return claim


def look_by_the_clock[C: Claim](
    kind: type[C], organization_id: str, pk: str, *, settle: Callable[[Actor, C, Found], C], as_whom: str
) -> None:
    """
    Looks for the record of a claim that is due, for whoever of several workers takes it first.

    Args: settle: writes down what was found, and raises Conflict where another organization has proved the name;
    as_whom: what the trail calls whoever looked.
    """
    claim = _leased(kind, organization_id, pk)
    if claim is None:
        return
    try:
        settle(Actor.system(as_whom, organization_id=organization_id), claim, look(claim.name, claim.proof))
    except NotFound:
        return  # given up meanwhile
    except Conflict:
        _note_that_it_is_taken(claim)


def settle[C: Claim](claim: C, found: Found, *, taken: Conflict, tell: Callable[[C], None]) -> C:
    """
    Writes down what a look found. Of several organizations that prove one name, the database lets the first.

    Args: taken: what the others are told; tell: called where the state is another, in the same transaction.
    Raises: `taken`, and NotFound for a claim that was given up meanwhile.
    """
    now = timezone.now()
    with rls.acting_as(f"org:{claim.organization_id}"):
        locked = type(claim)._default_manager.select_for_update().filter(pk=claim.pk).first()
        if locked is None:
            raise NotFound
        before, next_ = locked.state, judging.after(locked, found, now)
        locked.state, locked.missing_since, locked.next_look_at = next_.state, next_.missing_since, next_.look_at
        locked.looked_at, locked.looked_words = now, found.words
        if next_.state == Claim.State.PROVEN and before != Claim.State.MISSING:
            locked.proven_at = locked.proven_at if before == Claim.State.PROVEN else now
        try:
            with transaction.atomic():
                locked.save()
        except IntegrityError as error:
            raise taken from error
        if before != locked.state:
            tell(locked)
    return locked


def _leased[C: Claim](kind: type[C], organization_id: str, pk: str) -> C | None:
    now = timezone.now()
    with rls.acting_as(f"org:{organization_id}"):
        mine = kind._default_manager.filter(pk=pk, next_look_at__lte=now)
        if not mine.update(next_look_at=now + LEASE):
            return None
        return kind._default_manager.select_related("organization").get(pk=pk)


def _note_that_it_is_taken(claim: Claim) -> None:
    """What a look by the clock leaves where another organization has proved the name: nobody is there to be told."""
    with rls.acting_as(f"org:{claim.organization_id}"):
        mine = type(claim)._default_manager.filter(pk=claim.pk)
        mine.update(looked_words=TAKEN_WORDS, looked_at=timezone.now())
