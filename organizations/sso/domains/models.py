"""E-mail domains that organizations claim, and what a proof of one is used for."""

from django.db import models

from controlplane.ids import new_id
from organizations.domain_names.claim import Claim
from organizations.sso.models import Connection


def new_domain_id() -> str:
    return new_id("dom")


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
