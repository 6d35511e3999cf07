"""In whose name an organization's mails go out: choose it, have DNS looked at for its address, and give it up."""

import datetime as dt

from django.conf import settings
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from organizations import owner_notices
from organizations.access import require
from organizations.actions import trail
from organizations.actions.locks import locked_organization
from organizations.addresses import usable_address
from organizations.domain_names.dns import Found
from organizations.domain_names.names import domain_of
from organizations.models import MailSender, Organization
from organizations.senders import judging, spf
from organizations.senders.counting import proven_domains
from organizations.senders.models import LONGEST_NAME
from organizations.shown_names import shown_name
from organizations.standings import Standing

PERMISSION = "organization.manage"
LEASE = dt.timedelta(minutes=2)
# What ends or quotes a name in a header, or makes an address of it for whoever reads it (RFC 5322, 3.2.3).
NOT_IN_NAMES = frozenset('<>@"\\:/')


def choose(*, by: Actor, organization: Organization, name: str, reply_to: str, address: str) -> MailSender:
    """
    Say in whose name mails go out. Empty values are the platform's; an address counts once DNS allows it.

    Raises Invalid naming the field.
    """
    standing = require(by, PERMISSION, organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        proven = proven_domains(organization.pk)
        wanted = {
            "name": _usable_name(name),
            "reply_to": _usable_address(reply_to, "reply_to", proven),
            "address": _usable_address(address, "address", proven),
        }
        before = MailSender.objects.filter(pk=organization.pk).first()
        _check_together(wanted, before.address if before else "")
        if before and wanted == {field: getattr(before, field) for field in wanted}:
            return before
        chosen = before or MailSender(organization=organization)
        if domain_of(chosen.address) != domain_of(wanted["address"]):
            _forget_looks(chosen, again=bool(wanted["address"]))
        for field, value in wanted.items():
            setattr(chosen, field, value)
        chosen.save()
        trail.record(by, standing, "organizations.mail_sender.set", organization.pk, **wanted)
    return chosen


def give_up(*, by: Actor, organization: Organization) -> None:
    """Have mails go out in the platform's name again. Raises NotFound where nothing was chosen."""
    standing = require(by, PERMISSION, organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        chosen = _found(organization.pk)
        trail.record(by, standing, "organizations.mail_sender.give_up", organization.pk, name=chosen.name)
        chosen.delete()


def check(*, by: Actor, organization: Organization) -> MailSender:
    """Look now, outside any transaction, whether DNS allows the address. Raises NotFound, Conflict without one."""
    with rls.reading_as(by.rls_actor):
        standing = require(by, PERMISSION, organization)
    with rls.reading_as(f"org:{organization.pk}"):
        chosen = _found(organization.pk)
    if not chosen.address:
        raise Conflict("Mails come from the platform's address, for which there is nothing to look.", code="NO_ADDRESS")
    return _settle(by, chosen, spf.look(domain_of(chosen.address)), standing)


def check_due(organization_id: str) -> None:
    """The same by the clock, for whoever of several workers takes it first."""
    now = timezone.now()
    with rls.acting_as(f"org:{organization_id}"):
        mine = MailSender.objects.filter(pk=organization_id, next_look_at__lte=now)
        if not mine.update(next_look_at=now + LEASE):
            return
        chosen = _found(organization_id)
    by = Actor.system("looking whether mails may be sent", organization_id=organization_id)
    _settle(by, chosen, spf.look(domain_of(chosen.address)))


def _settle(by: Actor, looked_for: MailSender, found: Found, standing: Standing | None = None) -> MailSender:
    """Writes down what was found, unless another address was chosen meanwhile."""
    now = timezone.now()
    with rls.acting_as(f"org:{looked_for.pk}"):
        locked_organization(looked_for.pk)
        chosen = _found(looked_for.pk)
        if domain_of(chosen.address) != domain_of(looked_for.address):
            return chosen
        before, chosen.state = chosen.state, judging.after(chosen.state, found)
        chosen.looked_at, chosen.looked_words = now, found.words
        chosen.allowed_at = now if found.there else chosen.allowed_at
        chosen.next_look_at = now + judging.LOOK_AGAIN[chosen.state]
        chosen.save()
        if before != chosen.state:
            _tell(by, chosen, before, standing)
    return chosen


def _tell(by: Actor, chosen: MailSender, before: str, standing: Standing | None) -> None:
    """Writes the change into the trail; that an address counts no longer is told to the owners as well."""
    verb = "prove" if chosen.state == MailSender.State.ALLOWED else "miss"
    told = {"address": chosen.address, "found": chosen.looked_words}
    trail.record(by, standing or chosen.pk, f"organizations.mail_sender.{verb}", chosen.pk, **told)
    if before == MailSender.State.ALLOWED:
        owner_notices.tell_owners(
            chosen.organization, "sender_missing", address=chosen.address, found=chosen.looked_words
        )


def _forget_looks(chosen: MailSender, *, again: bool) -> None:
    chosen.state, chosen.allowed_at = MailSender.State.UNCHECKED, None
    chosen.looked_at, chosen.looked_words = None, ""
    chosen.next_look_at = timezone.now() if again else None


def _usable_name(text: str) -> str:
    """
    A name as `shown_name` lets it pass, or none. The attack: an address in the name has people read another sender.
    """
    if not text.strip(" "):
        return ""
    name = shown_name(text, longest=LONGEST_NAME)
    if set(name) & NOT_IN_NAMES:
        raise Invalid(f"The name has none of {' '.join(sorted(NOT_IN_NAMES))} in it.", field="name")
    return name


def _usable_address(text: str, field: str, proven: frozenset[str]) -> str:
    if not text.strip():
        return ""
    try:
        address = usable_address(text.strip())
    except ValueError as error:
        raise Invalid(str(error), field=field) from error
    if domain_of(address) not in proven:
        raise Invalid(f"Prove first that {domain_of(address)} is yours, on the page of domains.", field=field)
    return address


def _check_together(wanted: dict[str, str], address_before: str) -> None:
    if wanted["address"] not in ("", address_before) and not settings.SPF_INCLUDE:
        raise Invalid(
            "This platform sends from its own address only: its operator named no SPF record to include.",
            field="address",
        )
    if not wanted["reply_to"] and not wanted["address"]:
        raise Invalid("Name an address for answers, in a domain that you have proven.", field="reply_to")


def _found(organization_id: str) -> MailSender:
    chosen = MailSender.objects.filter(pk=organization_id).select_related("organization").first()
    if chosen is None:
        raise NotFound
    return chosen
