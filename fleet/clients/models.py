"""Views of the fleet: groups of tenants that are named by what they have in common."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.ids import new_id

LONGEST_NAME = 60


def new_fleet_view_id() -> str:
    return new_id("fview")


class FleetView(models.Model):
    """
    A named set of filters over an MSP's fleet, with a sort. Who is in it is asked anew at every use.

    It belongs to whoever made it; a `shared` one is everybody's in the MSP.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_fleet_view_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=LONGEST_NAME)
    shared = models.BooleanField(default=False)
    filters = models.JSONField(default=dict, blank=True)
    sort = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                "organization", Lower("name"), condition=Q(shared=True), name="shared_view_is_named_once"
            ),
            models.UniqueConstraint(
                "organization", "owner", Lower("name"), condition=Q(shared=False), name="own_view_is_named_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="fleet_views_of_organization")]

    def __str__(self) -> str:
        return self.name

    @property
    def parameters(self) -> dict[str, str]:
        """The view as an address says it."""
        return {**self.filters, "sort": self.sort}
