"""The receipt of a technician's departure from an MSP."""

from django.db import models

from controlplane.ids import new_id


def new_offboarding_id() -> str:
    return new_id("off")


class Offboarding(models.Model):
    """
    What one action closed when somebody left, kept though their membership is gone.

    `closed` and `kept` are lists of `kind`, `name` and `detail`; `kept` says why. `sessions` is how many browsers were
    signed in. What the edge confirmed is asked of the edge's own rows.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_offboarding_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    user_id = models.CharField(max_length=32)
    name = models.CharField(max_length=254)
    email = models.EmailField(max_length=254)
    by_user_id = models.CharField(max_length=32, blank=True)
    by_name = models.CharField(max_length=254)
    sessions = models.PositiveIntegerField()
    clients = models.JSONField(default=list, help_text="Ids of the clients that they reached")
    key_ids = models.JSONField(default=list, help_text="Ids of the API keys that ended")
    closed = models.JSONField(default=list)
    kept = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="offboardings_newest_first")]

    def __str__(self) -> str:
        return f"{self.name} left {self.organization_id}"
