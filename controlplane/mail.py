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
from collections.abc import Mapping
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
    Raises: RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A mail is written in the transaction of the change that it tells of.")
    owner = organization_id or rls.PLATFORM
    subject, text = _rendered(template, context)
    content = json.dumps({"subject": subject, "text": text, "unsubscribe": unsubscribe})
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
    if mail is None:
        return
    state = _sent(mail) if mail.expires_at > timezone.now() else Mail.State.LATE
    if state != Mail.State.SENT:
        log.warning("mail_given_up", mail=mail.pk, template=mail.template, state=str(state))
    with rls.acting_as(actor):
        Mail.objects.filter(pk=mail.pk).update(state=state, ended_at=timezone.now(), content="")


def _sent(mail: Mail) -> Mail.State:
    """Hands the mail to the server; raises what a later attempt may mend."""
    try:
        as_message(mail).send()
    except smtplib.SMTPRecipientsRefused as refused:
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


def as_message(mail: Mail) -> EmailMultiAlternatives:
    """The mail as it goes out: plain text and HTML."""
    content = json.loads(mail.content)
    host = urlsplit(settings.BASE_URL).hostname
    message = EmailMultiAlternatives(
        content["subject"],
        content["text"],
        f"{settings.BRAND} <{settings.DEFAULT_FROM_EMAIL}>",
        to=[mail.to],
        # RFC 3834: nothing that answers mail by itself shall answer this one.
        headers={
            **{"Message-ID": f"<{mail.pk}@{host}>", "Auto-Submitted": "auto-generated"},
            **_ways_out(content.get("unsubscribe", "")),
        },
    )
    message.attach_alternative(_as_html(content["subject"], content["text"]), "text/html")
    return message


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


def _as_html(subject: str, text: str) -> str:
    parts = [_part(paragraph) for paragraph in re.split(r"\n{2,}", text.rstrip("\n"))]
    return render_to_string("mail/layout.html", {"subject": subject, "parts": parts, "brand": settings.BRAND})


def _part(paragraph: str) -> dict[str, str]:
    """One paragraph: words, a code, or a button, which leads to the portal and nowhere else."""
    code, button = _CODE.fullmatch(paragraph), _BUTTON.fullmatch(paragraph)
    if code:
        return {"code": code["code"]}
    if button and button["address"].startswith(f"{settings.BASE_URL}/"):
        return {"words": button["words"], "address": button["address"]}
    return {"text": paragraph}
