"""A claim on a name in DNS, which a published record proves: what e-mail domains and host names have in common."""

import secrets

from django.db import models

LONGEST_DOMAIN = 253


def new_proof() -> str:
    """What the domain's owner publishes: 160 random bits, of this organization and this domain alone."""
    return secrets.token_hex(20)


class Claim(models.Model):
    """
    One organization's claim on one name in DNS.

    Several organizations may claim a name; the database lets one of them have proved it. A proof that can't be found
    any more still counts for a while (`missing`), so that a slip in somebody's zone file locks nobody out.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting for DNS"
        PROVEN = "proven", "Proven"
        MISSING = "missing", "Record is gone"
        WITHDRAWN = "withdrawn", "Withdrawn"

    COUNTS = (State.PROVEN, State.MISSING)

    organization_id: str
    name = models.CharField(max_length=LONGEST_DOMAIN, help_text="Lower case, in its ASCII form")
    proof = models.CharField(max_length=64, unique=True, default=new_proof, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    proven_at = models.DateTimeField(null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_words = models.CharField(max_length=200, blank=True, help_text="What the last look found")
    next_look_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def counts(self) -> bool:
        """Whether the proof is good for anything now."""
        return self.state in self.COUNTS
