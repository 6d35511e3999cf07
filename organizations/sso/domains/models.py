"""Names that organizations claim by DNS, and what came of it: what every such claim is, and an e-mail domain."""

import secrets

from django.db import models

from controlplane.ids import new_id
from organizations.sso.models import Connection

LONGEST_DOMAIN = 253


def new_domain_id() -> str:
    return new_id("dom")


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


class Domain(Claim):
    """One organization's claim on one e-mail domain, and what its proof is used for."""

    id = models.CharField(primary_key=True, max_length=32, default=new_domain_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="domains")
    connection = models.ForeignKey(
        Connection,
        null=True,
        blank=True,
        on_delete=models.RESTRICT,
        related_name="domains",
        help_text="Where people with such an address are led from the sign-in page",
    )
    enforced = models.BooleanField(default=False, help_text="Members with such an address must use the connection")
    join_requests = models.BooleanField(default=False, help_text="People with such an address, proven, may ask to join")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="a_domain_is_claimed_once"),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(state__in=("proven", "missing")),
                name="one_organization_per_proven_domain",
            ),
            models.CheckConstraint(
                condition=models.Q(enforced=False) | models.Q(connection__isnull=False),
                name="an_enforced_domain_names_its_connection",
            ),
        ]
        indexes = [models.Index(fields=["next_look_at"], name="domain_next_look")]
