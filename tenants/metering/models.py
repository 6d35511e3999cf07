"""What tenants used, hour by hour."""

from django.db import models


class UsageHour(models.Model):
    """
    What one tenant used of one thing in one UTC hour, as the edge measured it.

    `role` and `size` are set where the kind is about nodes, and empty otherwise. `quantity` is in the unit that the
    kind names; an hour that is known grows while rows of it come late.
    """

    class Kind(models.TextChoices):
        CONTAINER_SECONDS = "container_seconds", "Seconds that containers ran"
        INGESTED_BYTES = "ingested_bytes", "Bytes of documents that managers sent"
        ALERTS = "alerts", "Alerts"
        TUNNEL_BYTES_UP = "tunnel_bytes_up", "Bytes from agents to managers"
        TUNNEL_BYTES_DOWN = "tunnel_bytes_down", "Bytes from managers to agents"
        AGENTS_ENROLLED = "agents_enrolled", "Most agents enrolled"
        AGENTS_ACTIVE = "agents_active", "Most agents connected"
        DISK_USED_BYTES = "disk_used_bytes", "Most bytes on the disk of an indexer"

    PEAKS = (Kind.AGENTS_ENROLLED, Kind.AGENTS_ACTIVE, Kind.DISK_USED_BYTES)
    """Kinds of which a longer time has the highest number, not the sum."""

    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="usage")
    hour = models.DateTimeField()
    kind = models.CharField(max_length=32)
    role = models.CharField(max_length=16, blank=True)
    size = models.CharField(max_length=16, blank=True)
    quantity = models.DecimalField(max_digits=20, decimal_places=3)

    class Meta:
        ordering = ["hour", "kind", "role", "size"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "hour", "kind", "role", "size"], name="usage_hour_is_one_row")
        ]
        indexes = [models.Index(fields=["organization", "hour"], name="usage_of_organization")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.tenant_id} at {self.hour}"
