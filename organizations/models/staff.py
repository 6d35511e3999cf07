"""Leave for a member of the platform's staff to look at every organization's rows, for a while."""

from django.db import models

from controlplane.ids import new_id


def new_staff_grant_id() -> str:
    return new_id("sgr")


class StaffGrant(models.Model):
    """
    What opens the admin site: without one that has not ended, staff see there what everybody else does, nothing.

    A trigger writes it into the access table for the actor ``staff:<user>``, which only the admin site acts as.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_staff_grant_id, editable=False)
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="staff_grants")
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.user_id} until {self.ends_at:%Y-%m-%d %H:%M}: {self.reason}"
