"""Who belongs where: memberships, an MSP's grants over its clients, invitations, and requests to join."""

import datetime as dt
from typing import Self

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from controlplane.ids import new_id
from organizations.permissions import ROLE_HELP, Role, role_is_known


def new_membership_id() -> str:
    return new_id("mem")


def new_grant_id() -> str:
    return new_id("grant")


def new_invitation_id() -> str:
    return new_id("inv")


class Membership(models.Model):
    """One person's role in one organization."""

    id = models.CharField(primary_key=True, max_length=32, default=new_membership_id, editable=False)
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=32, help_text=ROLE_HELP)
    created_at = models.DateTimeField(auto_now_add=True)
    blocked_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when access is taken away, and the membership kept"
    )
    blocked_by = models.ForeignKey(
        "organizations.Connection",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose groups or directory took it away. No sign-in by another gives it back",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="one_membership_per_person"),
            models.CheckConstraint(condition=role_is_known(), name="membership_role_is_known"),
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="membership_newest_first")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.organization_id}"


class Grant(models.Model):
    """
    A client's leave for an MSP's people to act in the client's organization.

    What a person may do there is their role in the MSP cut down to `role_ceiling`. One with `ends_at` ends then; one
    with `review_at` stands, and ends by itself where the client has not reviewed it `REVIEW_GRACE` after that date.
    Grants are not transitive: they say nothing about organizations that the client may manage in turn.
    """

    REVIEW_GRACE = dt.timedelta(days=30)

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        WITHDRAWN = "withdrawn", "Withdrawn"
        ENDED = "ended", "Ended"

    id = models.CharField(primary_key=True, max_length=32, default=new_grant_id, editable=False)
    msp = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="grants_held")
    client = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="grants_given")
    role_ceiling = models.CharField(max_length=16, choices=Role, default=Role.ADMIN)
    emergency_ceiling = models.CharField(
        max_length=16, choices=Role, blank=True, default="", help_text="The ceiling in an emergency; empty allows none"
    )
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    ends_at = models.DateTimeField(null=True, blank=True)
    review_at = models.DateTimeField(null=True, blank=True)
    review_told_at = models.DateTimeField(null=True, blank=True, help_text="When both sides heard that it is due")
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="When it was withdrawn or ended")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["msp", "client"], condition=models.Q(state="active"), name="one_active_grant_per_pair"
            ),
            models.CheckConstraint(condition=~models.Q(msp=models.F("client")), name="nobody_is_their_own_client"),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=False) | models.Q(review_at__isnull=False),
                name="a_grant_ends_or_is_reviewed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.msp_id} acts in {self.client_id} up to {self.role_ceiling}"

    @property
    def lapses_at(self) -> dt.datetime:
        """When it ends by itself: at its end, or a while after a review that nobody made."""
        grace = self.review_at + self.REVIEW_GRACE if self.review_at else None
        return min(moment for moment in (self.ends_at, grace) if moment is not None)


def new_join_request_id() -> str:
    return new_id("join")


class Invitation(models.Model):
    """
    A role kept ready for whoever proves the same e-mail address.

    It holds no secret and names no account, so making one tells nothing about who already exists.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_invitation_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=32, help_text=ROLE_HELP)
    invited_by = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the last mail about it was written")
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint("organization", Lower("email"), name="one_invitation_per_email"),
            models.CheckConstraint(condition=role_is_known(), name="invitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} may join {self.organization_id} as {self.role}"

    @property
    def state(self) -> str:
        """`open`, or `expired`: listed for a while yet, so that it can be sent again."""
        return "open" if self.expires_at > timezone.now() else "expired"


class JoinRequests(models.QuerySet["JoinRequest"]):
    """Requests by what they are good for."""

    def lately(self) -> Self:
        """Those of the last 30 days, open or declined: as long as one is there, the person can't ask again."""
        return self.filter(created_at__gt=timezone.now() - JoinRequest.LASTS)

    def open(self) -> Self:
        """Those that wait for somebody to decide."""
        return self.lately().filter(declined_at=None)


class JoinRequest(models.Model):
    """
    Somebody with a verified address asks to belong. It is nothing until an administrator gives a role.

    Who decides sees nothing else of the person, so address and name are kept here as they were.
    """

    LASTS = dt.timedelta(days=30)

    id = models.CharField(primary_key=True, max_length=32, default=new_join_request_id, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.CASCADE, related_name="join_requests"
    )
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="join_requests")
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    declined_at = models.DateTimeField(null=True, blank=True)

    objects = JoinRequests.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="one_join_request_per_person")]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="join_requests_newest_first")]

    def __str__(self) -> str:
        return f"{self.email} asks to join {self.organization_id}"

    @property
    def ends_at(self) -> dt.datetime:
        """From when on it is worth nothing, and the person can ask again."""
        return self.created_at + self.LASTS

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody to decide."""
        return self.declined_at is None and self.ends_at > timezone.now()
