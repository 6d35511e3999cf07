"""Mail to people, by the transactional outbox.

1. `write` renders a mail and keeps it, encrypted, in the transaction of the change that it tells of: a change that is
   rolled back sends nothing, and one that stands is told.
2. The outbox wakes a Celery task, which speaks SMTP outside any transaction; a failure is tried again with backoff.
3. What was sent, can't be delivered, or came too late is emptied: a code that nobody needs any more is kept nowhere.

Delivery is at least once. A mail that is sent twice has the same Message-ID (RFC 5322, 3.6.4) both times.

A mail is one template, ``templates/mail/<name>.txt``: its subject, an empty line, and paragraphs. A paragraph that is
``[words](address of ours)`` becomes a button in the HTML form, one that is indented by four spaces a code.
"""

import datetime as dt
import json
import re
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formataddr
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template import Context
from django.template.loader import get_template, render_to_string
from django.utils import timezone

from controlplane import outbox, rls
from controlplane.models import Mail, Message

log = structlog.get_logger(__name__)

WRITTEN = "controlplane.mail.written"
LASTS = dt.timedelta(days=3)
"""How long a mail is tried, unless it is worthless sooner."""


@dataclass(frozen=True)
class Sender:
    """In whose name a mail goes out. What is empty is the platform's; a name beside an own address may be missing."""

    name: str = ""
    address: str = ""
    reply_to: str = ""


@dataclass(frozen=True)
class Letterhead:
    """The look of a mail. Attributes: accent: #rrggbb, on which white can be read."""

    name: str = settings.BRAND
    accent: str = "#005d5e"


THE_PLATFORM = Sender()
OURS = Letterhead()
_told_by: list[Callable[[str], Sender]] = []
_looks_told_by: list[Callable[[str], Letterhead]] = []


def senders_told_by(tell: Callable[[str], Sender]) -> None:
    """Registers what says in whose name an organization's mails go out. Args: tell: is given the organization's id."""
    _told_by.append(tell)


def letterheads_told_by(tell: Callable[[str], Letterhead]) -> None:
    """Registers what says how an organization's mails look. Args: tell: is given the organization's id."""
    _looks_told_by.append(tell)


_BUTTON = re.compile(r"\[(?P<words>[^\]\n]+)\]\((?P<address>[^()\s]+)\)")
_CODE = re.compile(r" {4}(?P<code>\S[^\n]*)")


def write(
    *,
    to: str,
    template: str,
    context: Mapping[str, Any],
    organization_id: str | None = None,
    lasts: dt.timedelta = LASTS,
    unsubscribe: str = "",
    in_own_name: bool = True,
    public_base: str = "",
) -> Mail:
    """Writes one mail in the caller's transaction.

    Args:
        to: an address that was checked; it is never logged.
        template: name of the file in ``templates/mail``, without its ending.
        context: values for it. They may be secret.
        organization_id: whose mail it is; None for the platform's, such as those about a person's own account.
        lasts: after which time it is not tried any more.
        unsubscribe: path of ours to which mail programs post to end such mails (RFC 8058); empty for mails that are no
            subscription's.
        in_own_name: whether it goes out in the name that the organization chose for its mails.
        public_base: where the organization's public pages are, if not at the portal: buttons may lead there too.
    Raises: RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A mail is written in the transaction of the change that it tells of.")
    owner = organization_id or rls.PLATFORM
    subject, text = _rendered(template, {"public_base": public_base or settings.BASE_URL, **context})
    told = {"subject": subject, "text": text, "unsubscribe": unsubscribe}
    content = json.dumps({**told, "in_own_name": in_own_name, "public_base": public_base})
    with rls.acting_as(rls.actor_of(owner)):
        mail = Mail.objects.create(
            organization_id=owner, to=to, template=template, content=content, expires_at=timezone.now() + lasts
        )
        outbox.publish(WRITTEN, key=mail.pk, organization_id=organization_id, payload={"mail": mail.pk})
    return mail


@outbox.subscriber(WRITTEN, in_transaction=False)
def send(message: Message) -> None:
    """Sends one mail that has neither been sent nor come too late. What fails for the moment is raised."""
    actor = rls.actor_of(message.organization_id)
    with rls.reading_as(actor):
        mail = Mail.objects.filter(pk=message.payload["mail"], ended_at=None).first()
        sender, look = (sender_of(mail), letterhead_of(mail)) if mail else (THE_PLATFORM, OURS)
    if mail is None:
        return
    state = _sent(mail, sender, look) if mail.expires_at > timezone.now() else Mail.State.LATE
    if state != Mail.State.SENT:
        log.warning("mail_given_up", mail=mail.pk, template=mail.template, state=str(state))
    with rls.acting_as(actor):
        Mail.objects.filter(pk=mail.pk).update(state=state, ended_at=timezone.now(), content="")


def sender_of(mail: Mail) -> Sender:
    """
    In whose name a mail goes out, by what holds now. The platform's own come from nobody else: codes that let people in
    and notices of their accounts are no organization's, and none may lend them its name.
    """
    if not _is_in_own_name(mail):
        return THE_PLATFORM
    return next((tell(mail.organization_id) for tell in _told_by), THE_PLATFORM)


def letterhead_of(mail: Mail) -> Letterhead:
    """How a mail looks, by what holds now; of the same mails as `sender_of`, and for the same reason."""
    if not _is_in_own_name(mail):
        return OURS
    return next((tell(mail.organization_id) for tell in _looks_told_by), OURS)


def _is_in_own_name(mail: Mail) -> bool:
    return mail.organization_id != rls.PLATFORM and bool(json.loads(mail.content).get("in_own_name"))


def _sent(mail: Mail, sender: Sender, look: Letterhead) -> Mail.State:
    """
    Hands the mail to the server; raises what a later attempt may mend.

    One that is refused from an organization's address goes out from ours: that it arrives matters more. Servers that
    send for verified addresses alone say so at the sender, at the recipient, or only when they have read the mail.
    """
    try:
        as_message(mail, sender, look).send()
    except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refused:
        if sender.address:
            log.warning("mail_refused_from_own_address", mail=mail.pk, organization=mail.organization_id)
            return _sent(mail, replace(sender, address="", reply_to=sender.reply_to or sender.address), look)
        if not isinstance(refused, smtplib.SMTPRecipientsRefused):
            raise
        if all(code >= 500 for code, _ in refused.recipients.values()):
            return Mail.State.REFUSED
        raise
    return Mail.State.SENT


def unlinked(text: str) -> str:
    """
    Words that somebody chose, in one line of which mail programs make no link: a word joiner, which is not seen, stands
    behind each mark. The attack: an organization called “You won: evil.example/prize” has us mail that to strangers.
    """
    return re.sub(r"(?<=\w)([.:/@])(?=\S)", "\\1\u2060", " ".join(text.split()))


def as_message(mail: Mail, sender: Sender = THE_PLATFORM, look: Letterhead = OURS) -> EmailMultiAlternatives:
    """The mail as it goes out: plain text and HTML. The envelope's sender is that of the head (RFC 7208, 2.4)."""
    content = json.loads(mail.content)
    host = urlsplit(settings.BASE_URL).hostname
    message = EmailMultiAlternatives(
        content["subject"],
        content["text"],
        formataddr(head_of(sender)),
        to=[mail.to],
        reply_to=[sender.reply_to] if sender.reply_to else None,
        # RFC 3834: nothing that answers mail by itself shall answer this one.
        headers={
            **{"Message-ID": f"<{mail.pk}@{host}>", "Auto-Submitted": "auto-generated"},
            **_ways_out(content.get("unsubscribe", "")),
        },
    )
    message.attach_alternative(_as_html(content, look, sender), "text/html")
    return message


def head_of(sender: Sender) -> tuple[str, str]:
    """
    Name and address that recipients read as the sender. The attack: an organization calls itself a bank and has our
    address, which everybody lets in, say so. From our own address its name stands beside ours.
    """
    if sender.address:
        return sender.name, sender.address
    name = f"{sender.name} via {settings.BRAND}" if sender.name else settings.BRAND
    return name, settings.DEFAULT_FROM_EMAIL


def _ways_out(path: str) -> dict[str, str]:
    """Headers by which a mail program ends a subscription with one post (RFC 8058)."""
    if not path:
        return {}
    address = f"<{settings.BASE_URL}{path}>"
    return {"List-Unsubscribe": address, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _rendered(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text. A subject is one line, whatever names stand in it: a line break would begin another header."""
    known = {**context, "brand": settings.BRAND, "portal": settings.BASE_URL}
    # The engine's own template: only that can be rendered without escaping, which plain text does not want.
    whole: Any = get_template(f"mail/{template}.txt")
    subject, _, text = whole.template.render(Context(known, autoescape=False)).strip().partition("\n\n")
    return " ".join(subject.split()), text.strip() + "\n"


def _as_html(content: Mapping[str, Any], look: Letterhead, sender: Sender) -> str:
    """
    The attack: an organization calls itself a bank, and has us mail that at the head of a page. So the foot says who
    sends, unless the mail comes from an address of the organization's own.
    """
    public_base = content.get("public_base", "")
    parts = [_part(paragraph, public_base) for paragraph in re.split(r"\n{2,}", content["text"].rstrip("\n"))]
    return render_to_string(
        "mail/layout.html",
        {
            "subject": content["subject"],
            "parts": parts,
            "look": look,
            "by": "" if look is OURS or sender.address else settings.BRAND,
        },
    )


def _part(paragraph: str, public_base: str) -> dict[str, str]:
    """One paragraph: words, a code, or a button, which leads to the portal or the sender's public pages alone."""
    code, button = _CODE.fullmatch(paragraph), _BUTTON.fullmatch(paragraph)
    if code:
        return {"code": code["code"]}
    ours = tuple(f"{each}/" for each in (settings.BASE_URL, public_base) if each)
    if button and button["address"].startswith(ours):
        return {"words": button["words"], "address": button["address"]}
    return {"text": paragraph}
