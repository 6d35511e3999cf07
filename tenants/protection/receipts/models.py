"""Receipts, kept beyond the life of the tenant they speak of."""

from django.db import models

from controlplane.ids import new_id


def new_receipt_id() -> str:
    return new_id("rcp")


class Receipt(models.Model):
    """
    One statement that the edge signed, or is asked to sign.

    `receipt` is the signed text (a compact JWS), empty until the edge has signed ("pending at the edge"); `key` the
    public key (JWK) that it was verified with when it came, kept because the edge shows a retired one no more; `error`
    why the edge will not sign it.
    """

    class Kind(models.TextChoices):
        ERASURE = "erasure", "Erasure certificate"
        ISOLATION = "isolation", "Isolation receipt"

    id = models.CharField(primary_key=True, max_length=32, default=new_receipt_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="receipts")
    kind = models.CharField(max_length=16, choices=Kind)
    receipt = models.TextField(blank=True)
    key = models.JSONField(null=True, blank=True)
    statement = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    requested_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(kind="erasure"), name="erasure_is_certified_once"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="receipts_of_tenant")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.tenant_id}"

    @property
    def pending(self) -> bool:
        """Whether the edge has yet to sign it."""
        return not self.receipt and self.error is None
