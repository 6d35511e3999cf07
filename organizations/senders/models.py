"""What an organization chose as the sender of its mails, and what DNS said of the address."""

from django.db import models
from django.db.models import Q

LONGEST_NAME = 64


class MailSender(models.Model):
    """
    One organization's choice. What counts of it at a moment says `organizations.senders.counting`: a domain may lose
    its proof, and a record may go.
    """

    class State(models.TextChoices):
        UNCHECKED = "unchecked", "Waiting for DNS"
        ALLOWED = "allowed", "May be sent from"
        MISSING = "missing", "SPF does not allow it"

    organization = models.OneToOneField(
        "organizations.Organization", primary_key=True, on_delete=models.CASCADE, related_name="mail_sender"
    )
    name = models.CharField(max_length=LONGEST_NAME, blank=True, help_text="Empty: the platform's")
    reply_to = models.CharField(max_length=254, blank=True, help_text="In a domain that the organization has proven")
    address = models.CharField(max_length=254, blank=True, help_text="The same; empty: the platform's")
    state = models.CharField(max_length=16, choices=State, default=State.UNCHECKED)
    allowed_at = models.DateTimeField(null=True, blank=True, help_text="When DNS last said that we may send for it")
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_words = models.CharField(max_length=200, blank=True, help_text="What the last look found")
    next_look_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(address="") | Q(state="unchecked", next_look_at=None),
                name="a_sender_without_address_is_not_looked_at",
            ),
        ]
        indexes = [models.Index(fields=["next_look_at"], name="mail_sender_next_look")]

    def __str__(self) -> str:
        return self.address or self.name or self.organization_id
