"""Where tenants are placed."""

from django.db import models

from organizations.models import Organization


class Cell(models.Model):
    """
    One deployment of the edge: where tenants are placed, and how far its changes have been read.

    `jurisdiction` is what its objects and stores are bound to, empty for nothing.
    `epoch` fences every call: raising it after a database was set back makes the edge refuse older writers. `placed`
    counts the tenants that take room here. `agent_ca` is the PEM of the authority that signs what agents see at
    `base_url`; without it none of Wazuh 5 can be given a token of its own kind. `feed_epoch` and `feed_seq` are the
    cursor in the feed of changes, which one consumer at a time advances under `feed_owner` and `feed_lease_until`;
    `usage_epoch` and `usage_seq` the one in the feed of usage.
    """

    class Runtime(models.TextChoices):
        STAND_IN = "stand-in", "Stand-in"
        DOCKER = "docker", "Docker"
        CLOUDFLARE = "cloudflare", "Cloudflare"

    id = models.CharField(primary_key=True, max_length=2)
    base_url = models.URLField(max_length=300)
    dashboard_zone = models.CharField(max_length=200)
    runtime = models.CharField(max_length=16, choices=Runtime)
    jurisdiction = models.CharField(max_length=16, blank=True, choices=Organization.Jurisdiction)
    agent_ca = models.TextField(blank=True)
    versions = models.JSONField(default=list)
    epoch = models.PositiveBigIntegerField(default=1)
    capacity = models.PositiveIntegerField(default=400)
    placed = models.PositiveIntegerField(default=0)
    open = models.BooleanField(default=True)
    feed_epoch = models.CharField(max_length=64, blank=True)
    feed_seq = models.PositiveBigIntegerField(default=0)
    feed_owner = models.CharField(max_length=64, blank=True)
    feed_lease_until = models.DateTimeField(null=True, blank=True)
    usage_epoch = models.CharField(max_length=64, blank=True)
    usage_seq = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id
