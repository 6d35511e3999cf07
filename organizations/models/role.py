"""A role that an organization made for itself, beside the five that everybody has."""

from django.db import models
from django.db.models.functions import Lower

from controlplane.ids import new_id

LONGEST_NAME, LONGEST_DESCRIPTION = 60, 300


def new_role_id() -> str:
    return new_id("role")


class CustomRole(models.Model):
    """
    A name for a set of permissions.

    Memberships, invitations and tables of groups hold its id where they would hold the name of one of the five. What
    it may do is read at every use, so a change counts at once; of a role that is not there, nothing is allowed.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_role_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=LONGEST_NAME)
    description = models.CharField(max_length=LONGEST_DESCRIPTION, blank=True)
    permissions = models.JSONField(default=list, help_text="Sorted names of permissions")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="a_role_is_named_once")]

    def __str__(self) -> str:
        return self.name
