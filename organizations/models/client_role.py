"""What a member of an MSP may do in which of its clients."""

from django.db import models

from controlplane.ids import new_id


def new_client_role_id() -> str:
    return new_id("crl")


class ClientRole(models.Model):
    """
    A member's role over a set of the MSP's clients: all, these, or all but these.

    A member without any has their own role in all clients. One with some has these alone, and a client that comes later
    is in "all" and "all but". The database's triggers read it too: it says which rows somebody sees.
    """

    class Reach(models.TextChoices):
        ALL = "all", "All clients"
        ONLY = "only", "Only these"
        EXCEPT = "except", "All but these"

    id = models.CharField(primary_key=True, max_length=32, default=new_client_role_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    membership = models.ForeignKey("organizations.Membership", on_delete=models.CASCADE, related_name="client_roles")
    reach = models.CharField(max_length=8, choices=Reach)
    clients = models.JSONField(default=list, help_text="Ids of clients; empty for all")
    role = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(reach__in=["all", "only", "except"]), name="reach_is_known")
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} is {self.role} in {self.reach} {self.clients}"

    def covers(self, client_id: str) -> bool:
        """Whether the set has the client."""
        if self.reach == self.Reach.ALL:
            return True
        return (client_id in self.clients) == (self.reach == self.Reach.ONLY)
