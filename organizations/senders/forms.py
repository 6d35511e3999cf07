"""The form of the page of an organization's sender. It reads what was typed; the action decides."""

from typing import Any

from django import forms

from organizations.addresses import LONGEST
from organizations.models import MailSender
from organizations.senders.models import LONGEST_NAME


class SenderForm(forms.Form):
    """In whose name mails are to go out."""

    name = forms.CharField(
        label="Name",
        required=False,
        max_length=LONGEST_NAME,
        help_text="What people read as the sender. From our own address, ours stands beside it.",
    )
    reply_to = forms.CharField(
        label="Answers go to",
        required=False,
        max_length=LONGEST,
        widget=forms.EmailInput(attrs={"placeholder": "help@example.com"}),
        help_text="An address in a domain that you have proven.",
    )
    address = forms.CharField(
        label="Mails come from",
        required=False,
        max_length=LONGEST,
        widget=forms.EmailInput(attrs={"placeholder": "security@example.com"}),
        help_text="In such a domain, too. It counts once the domain's SPF record allows us to send for it; until then, "
        "and whenever it does not, mails come from our address.",
    )

    @classmethod
    def of(cls, chosen: MailSender, data: Any, *, own_address: bool) -> "SenderForm":
        """The form with what was chosen. Args: own_address: whether the platform can send from one at all."""
        form = cls(data, initial={name: getattr(chosen, name) for name in cls.base_fields})
        if not own_address:
            form.fields["address"].disabled = True
            form.fields[
                "address"
            ].help_text = (
                "This platform sends from its own address only: its operator has named no SPF record to include."
            )
        return form
