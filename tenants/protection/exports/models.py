"""What is exported of tenants, mirrored from the edge."""

from django.db import models
from django.utils import timezone

from controlplane.ids import new_id
from tenants.provisioning.models import Operation


def new_export_id() -> str:
    return new_id("exp")


class Export(models.Model):
    """
    What the edge exports of a tenant; it bears this row's id there too.

    How far it is stands on its operation. `files`, `records` and `bytes` are those of the edge, `left_out` what it does
    not hold and why: `what` and `why` of each. At `expires_at` (null before the edge has said) its files are removed.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_export_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="exports")
    operation = models.OneToOneField("tenants.Operation", on_delete=models.CASCADE, related_name="export")
    files = models.PositiveIntegerField(default=0)
    records = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    left_out = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="exports_of_tenant")]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def state(self) -> str:
        """How far it is: that of its operation."""
        return self.operation.state

    @property
    def can_be_downloaded(self) -> bool:
        """Whether it is made and has not expired."""
        kept = self.expires_at is not None and self.expires_at > timezone.now()
        return kept and self.state == Operation.State.SUCCEEDED
