"""Somebody of an MSP in a client beyond the ceiling of every day, for an hour at most."""

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils import timezone

from controlplane.ids import new_id
from organizations.models.access_request import LONGEST_REASON


def new_emergency_access_id() -> str:
    return new_id("emg")


class EmergencyAccess(models.Model):
    """
    One person's emergency in one client: why, and until when.

    It lifts the grant's ceiling to the one that the client keeps for emergencies, and nothing else. Without the grant
    it is nothing.
    """

    LASTS = dt.timedelta(hours=1)

    id = models.CharField(primary_key=True, max_length=32, default=new_emergency_access_id, editable=False)
    grant = models.ForeignKey("organizations.Grant", on_delete=models.CASCADE, related_name="emergencies")
    client = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    msp = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=LONGEST_REASON)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user", "ends_at"], name="emergencies_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.client_id}: {self.reason}"

    @staticmethod
    def running() -> Q:
        """The condition under which one goes on: never longer than an hour, whatever its row says."""
        now = timezone.now()
        return Q(ended_at=None, ends_at__gt=now, created_at__gt=now - EmergencyAccess.LASTS)
