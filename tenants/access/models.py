"""What the edge has to be told about access that has ended."""

from django.db import models

from controlplane.ids import new_id


def new_revocation_id() -> str:
    return new_id("rev")


class Revocation(models.Model):
    """
    Dashboard sessions and event streams of one tenant that have to end.

    `terms` says whose: one of `subject` (a person), `grant`, `connection`, `session` or `organization` (everybody who
    entered it). It is pending at the edge until `acknowledged_at`; `closed` is how many the edge found open.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_revocation_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="revocations")
    cause = models.CharField(max_length=64)
    terms = models.JSONField()
    before = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    closed = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "cause"], name="revocation_is_asked_once")]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="revocations_of_tenant")]

    def __str__(self) -> str:
        return f"access of {self.terms}"

    @property
    def pending(self) -> bool:
        """Whether the edge has yet to confirm it."""
        return self.acknowledged_at is None


class TrailExchange(models.Model):
    """
    How far the portal's trail was told to a tenant's object, and how far the tenant's own was told to the portal.

    `settled_position` is the portal's position up to which nothing is left to tell, the entry of the exchange itself
    included. `differs` says what did not fit when the two were compared last.
    """

    tenant = models.OneToOneField("tenants.Tenant", on_delete=models.CASCADE, primary_key=True, related_name="+")
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    settled_position = models.BigIntegerField(default=0)
    edge_position = models.BigIntegerField(default=0)
    edge_hash = models.CharField(max_length=64, default="", blank=True)
    exchanged_at = models.DateTimeField(null=True, blank=True)
    differs = models.TextField(default="", blank=True)

    def __str__(self) -> str:
        return f"trails of {self.tenant_id}"
