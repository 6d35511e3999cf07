"""What of a chosen sender counts at a moment. A name, a place for answers and an address stand and fall apart."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from controlplane import rls
from controlplane.mail import THE_PLATFORM, Sender
from organizations.domain_names.names import domain_of
from organizations.models import Domain, MailSender
from organizations.standings import standing_msps

BELIEVED_FOR = dt.timedelta(days=3)
"""How long a look that allowed an address counts where nobody could look again: what nobody knows is not allowed."""


@dataclass(frozen=True)
class Counting:
    """What goes into mails now, and why the rest does not: words by the field that they are about."""

    sender: Sender
    lacks: dict[str, str]


def counting(chosen: MailSender, proven: frozenset[str], include: str, now: dt.datetime) -> Counting:
    """
    Judges a choice. Pure.

    Args: proven: names of the organization's domains that count; include: the platform's, empty where it has none.
    """
    lacks = {
        field: words
        for field, words in (
            ("reply_to", _lack_of_domain(chosen.reply_to, proven)),
            ("address", _lack_of_domain(chosen.address, proven) or _lack_of_spf(chosen, include, now)),
        )
        if words
    }
    address = "" if "address" in lacks else chosen.address
    reply_to = "" if "reply_to" in lacks else chosen.reply_to
    if chosen.address and not (address or reply_to or _lack_of_domain(chosen.address, proven)):
        reply_to = chosen.address  # which the platform may not send from, and where its owner still reads
    # The name stands on a domain as well: who has proven none lends their name to nothing that we send.
    return Counting(Sender(chosen.name if reply_to or address else "", address, reply_to), lacks)


def _lack_of_domain(address: str, proven: frozenset[str]) -> str:
    name = domain_of(address)
    return f"{name} is not proven to be yours." if name and name not in proven else ""


def _lack_of_spf(chosen: MailSender, include: str, now: dt.datetime) -> str:
    if not chosen.address:
        return ""
    if not include:
        return "This platform sends from its own address only."
    if chosen.state != MailSender.State.ALLOWED or chosen.allowed_at is None:
        return chosen.looked_words or "DNS was not asked yet."
    if now - chosen.allowed_at > BELIEVED_FOR:
        return f"DNS could not be asked since {chosen.allowed_at:%-d %B %Y}."
    return ""


def counting_now(chosen: MailSender) -> Counting:
    """What counts of it now. The caller reads as the organization, or as somebody who may enter it."""
    return counting(chosen, proven_domains(chosen.organization_id), settings.SPF_INCLUDE, timezone.now())


def proven_domains(organization_id: str) -> frozenset[str]:
    """Names of an organization's domains whose proof counts."""
    mine = Domain.objects.filter(organization_id=organization_id, state__in=Domain.COUNTS)
    return frozenset(mine.values_list("name", flat=True))


def sender_of(organization_id: str) -> Sender:
    """
    In whose name an organization's mails go out now: as it chose, else as the MSP that manages it, else the platform's.

    Of several MSPs it is the one with a choice whose standing access is the oldest, as with brands. The caller reads as
    the organization, or as somebody who may enter it.
    """
    chosen = MailSender.objects.filter(pk=organization_id).first()
    if chosen is not None:
        return counting_now(chosen).sender
    return next(filter(None, map(_of_msp, standing_msps(organization_id))), THE_PLATFORM)


def _of_msp(msp_id: str) -> Sender | None:
    """What recipients of any of the MSP's mails read; None where it chose nothing."""
    with rls.reading_as(f"org:{msp_id}"):
        chosen = MailSender.objects.filter(pk=msp_id).first()
        return counting_now(chosen).sender if chosen else None
