"""A host name that an organization claims for its public pages."""

from django.db import models

from controlplane.ids import new_id
from organizations.domain_names.claim import Claim


def new_hostname_id() -> str:
    return new_id("hst")


class Hostname(Claim):
    """One organization's claim on one host name, such as status.msp.example."""

    id = models.CharField(primary_key=True, max_length=32, default=new_hostname_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="hostnames")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="a_hostname_is_claimed_once"),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(state__in=("proven", "missing")),
                name="one_organization_per_proven_hostname",
            ),
        ]
        indexes = [models.Index(fields=["next_look_at"], name="hostname_next_look")]
