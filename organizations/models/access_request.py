"""An MSP's question to be let into an organization whose name it does not have to know."""

from typing import Self

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from controlplane.ids import new_id
from organizations.permissions import Role

LONGEST_REASON = 500
"""What an MSP tells a client, of a request and of an emergency."""


def new_access_request_id() -> str:
    return new_id("acr")


class AccessRequests(models.QuerySet["AccessRequest"]):
    """Requests by what they are good for."""

    def unanswered(self) -> Self:
        """Those that nobody answered or took back, in time or not."""
        return self.filter(state=AccessRequest.State.REQUESTED)

    def open(self) -> Self:
        """Those that can be answered or taken back."""
        return self.unanswered().filter(expires_at__gt=timezone.now())

    def late(self) -> Self:
        """Those that ended without a word, and are still to be written down as withdrawn."""
        return self.unanswered().filter(expires_at__lte=timezone.now())


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
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    made_by = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.REQUESTED)
    grant = models.ForeignKey("organizations.Grant", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = AccessRequests.as_manager()

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

    @property
    def status(self) -> str:
        """Its state as people know it: `expired` where its time was over before anybody said anything."""
        unsaid = self.state in (self.State.REQUESTED, self.State.WITHDRAWN)
        is_late = self.expires_at <= (self.answered_at or timezone.now())
        return "expired" if unsaid and is_late else str(self.state)

    @property
    def is_open(self) -> bool:
        """Whether it can be answered or taken back."""
        return self.status == self.State.REQUESTED
