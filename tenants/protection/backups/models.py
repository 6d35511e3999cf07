"""What is kept of tenants, so that there is a way back."""

from typing import Any

from django.db import models

from controlplane.ids import new_id


def new_backup_id() -> str:
    return new_id("bak")


class Backup(models.Model):
    """
    What the edge keeps of a tenant's nodes at one moment, mirrored from there.

    `created_at` is that moment, `expires_at` until when it is kept (null before the edge has said). One that was asked
    for here bears this row's id at the edge too; until that has it, `acknowledged_at` is null ("pending at the edge").
    `parts` are its archives: role, bytes and the version that wrote each.
    """

    class Kind(models.TextChoices):
        ON_DEMAND = "on-demand", "On demand"
        SCHEDULED = "scheduled", "Daily"
        BEFORE_CHANGE = "before-change", "Before a change"

    class State(models.TextChoices):
        RUNNING = "running", "Being made"
        FAILED = "failed", "Failed"
        SUCCEEDED = "succeeded", "Made"

    ORDER = (State.RUNNING, State.FAILED, State.SUCCEEDED)
    """One that failed may still be made, one that was made stays made."""

    id = models.CharField(primary_key=True, max_length=32, default=new_backup_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="backups")
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    parts = models.JSONField(default=list)
    error = models.JSONField(null=True, blank=True)
    requested_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="backups_of_tenant")]

    def __str__(self) -> str:
        return f"backup {self.pk}"

    @property
    def pending(self) -> bool:
        """Whether the edge has yet to take the order."""
        return self.acknowledged_at is None and self.state == self.State.RUNNING

    @property
    def size_bytes(self) -> int:
        """Of all its archives."""
        return sum(int(part["bytes"]) for part in self.parts)

    @property
    def versions(self) -> dict[str, str]:
        """Role → the version of Wazuh that wrote its part, where that was noted."""
        return {part["role"]: part["version"] for part in self.parts if part.get("version")}


def part_of(told: dict[str, Any]) -> dict[str, Any]:
    """What is mirrored of one archive."""
    return {"role": str(told["role"]), "bytes": int(told["bytes"]), "version": told.get("version")}
