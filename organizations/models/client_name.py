"""What an MSP's own tools call a client."""

from django.db import models


class ClientName(models.Model):
    """An MSP's external id of one of its clients. `organization` is the MSP, whose rows these are."""

    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.CASCADE, related_name="client_names"
    )
    client = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=128)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "external_id"], name="external_id_names_one_client"),
            models.UniqueConstraint(fields=["organization", "client"], name="client_has_one_external_id"),
        ]

    def __str__(self) -> str:
        return self.external_id
