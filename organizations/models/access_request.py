"""An MSP's question to be let into an organization whose name it does not have to know."""

from django.db import models
from django.db.models.functions import Lower

from controlplane.ids import new_id
from organizations.permissions import Role


def new_access_request_id() -> str:
    return new_id("acr")


class AccessRequest(models.Model):
    """
    What an MSP asks for, answered by whoever owns an organization and has the code.

    It names no organization, so making one tells nothing about which exist. `days` is for how long; none is standing,
    with a date of review. The code goes to the owner by mail or by the MSP's own hand; only its digest is kept.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.CharField(primary_key=True, max_length=32, default=new_access_request_id, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.CASCADE, related_name="access_requests"
    )
    email = models.EmailField(max_length=254, blank=True)
    secret_digest = models.CharField(max_length=64)
    role_ceiling = models.CharField(max_length=16, choices=Role)
    days = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    made_by = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.REQUESTED)
    grant = models.ForeignKey("organizations.Grant", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(state="requested") & ~models.Q(email=""),
                name="one_open_access_request_per_email",
            )
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="access_requests_newest_first")]

    def __str__(self) -> str:
        return f"{self.organization_id} asks to act up to {self.role_ceiling}"
