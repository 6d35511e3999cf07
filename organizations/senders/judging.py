"""What a look at DNS means for a chosen address: decided here, carried out by the actions. Pure."""

import datetime as dt

from organizations.domain_names.dns import Found
from organizations.senders.models import MailSender

LOOK_AGAIN: dict[str, dt.timedelta] = {
    MailSender.State.UNCHECKED: dt.timedelta(minutes=5),
    MailSender.State.ALLOWED: dt.timedelta(hours=6),
    MailSender.State.MISSING: dt.timedelta(hours=1),
}


def after(state: str, found: Found) -> str:
    """The state after a look. Where nobody could be asked it stays, and what allowed it grows old (`counting`)."""
    if found.there is None:
        return state
    return MailSender.State.ALLOWED if found.there else MailSender.State.MISSING
