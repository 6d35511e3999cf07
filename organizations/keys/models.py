"""API keys: what integrations sign in with."""

from django.db import models
from django.utils import timezone

from controlplane.ids import new_id

LONGEST_DAYS = 366
"""For how long a secret works at most."""


def new_key_id() -> str:
    return new_id("key")


class BearerToken(models.Model):
    """What is stored of a secret that opens something by itself: its SHA-256, its end, and its last use."""

    secret_digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "active"


class ApiKey(BearerToken):
    """
    A key that acts for its owner inside one organization, never with more than its scopes.

    It works while it is neither revoked nor expired and its owner, a person or a service account, is still a member of
    the organization.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_key_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="api_keys")
    owner = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    scopes = models.JSONField(help_text="Permissions that the key may use, at most those of its owner")
    tenant_ids = models.JSONField(default=list, blank=True, help_text="Tenants the key is limited to; empty is all")
    networks = models.JSONField(default=list, blank=True, help_text="CIDR ranges it may be used from; empty is all")
    made_with = models.ForeignKey(
        "organizations.ApiKey",
        null=True,
        on_delete=models.SET_NULL,
        related_name="made",
        help_text="The key that made this one; it takes this one with it",
    )

    replaces = models.ForeignKey(
        "organizations.ApiKey",
        null=True,
        on_delete=models.SET_NULL,
        related_name="successors",
        help_text="The key in whose place this one came",
    )

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="api_key_newest_first")]

    def __str__(self) -> str:
        return self.name
