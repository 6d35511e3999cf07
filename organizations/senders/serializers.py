"""What crosses the wire about the sender of an organization's mails."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from organizations.addresses import LONGEST
from organizations.models import MailSender
from organizations.senders.counting import counting_now, sender_of
from organizations.senders.models import LONGEST_NAME


class MailSenderIn(serializers.Serializer[Any]):
    """In whose name mails are to go out; what is left out or empty is the platform's."""

    name = serializers.CharField(max_length=LONGEST_NAME, allow_blank=True, default="")
    reply_to = serializers.CharField(
        max_length=LONGEST, allow_blank=True, default="", help_text="In a domain that the organization has proven"
    )
    address = serializers.CharField(
        max_length=LONGEST,
        allow_blank=True,
        default="",
        help_text="The same; counts once the domain's SPF record includes `spf_include`",
    )


class InForce(serializers.Serializer[Any]):
    """What mails that are sent now bear; empty values are the platform's."""

    name = serializers.CharField()
    reply_to = serializers.CharField()
    address = serializers.CharField()


class Lacks(serializers.Serializer[Any]):
    """Why something that was chosen does not count now; empty where it does."""

    reply_to = serializers.CharField()
    address = serializers.CharField()


class MailSenderOut(serializers.Serializer[Any]):
    """In whose name mails are to go out, and what of it counts now."""

    name = serializers.CharField()
    reply_to = serializers.CharField()
    address = serializers.CharField()
    spf_include = serializers.CharField(help_text="What the domain's SPF record includes; empty: no own address here")
    state = serializers.ChoiceField(choices=MailSender.State.choices, help_text="What DNS said of the address")
    looked_at = serializers.DateTimeField(allow_null=True)
    looked_words = serializers.CharField()
    next_look_at = serializers.DateTimeField(allow_null=True)
    in_force = InForce()
    lacks = Lacks()


def shown(chosen: MailSender) -> dict[str, Any]:
    """A choice as it goes over the wire, also an empty one; what counts then is the MSP's or the platform's."""
    facts = {name: getattr(chosen, name) for name in ("name", "reply_to", "address", "state", "looked_at")}
    later = {"looked_words": chosen.looked_words, "next_look_at": chosen.next_look_at}
    judged = {
        "in_force": sender_of(chosen.organization_id),
        "lacks": {"reply_to": "", "address": "", **counting_now(chosen).lacks},
    }
    return dict(MailSenderOut({**facts, **later, **judged, "spf_include": settings.SPF_INCLUDE}).data)
