"""What was seen of the platform's components and of tenants, what staff say of it, and who is told."""

from django.db import models
from django.db.models import Q

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id
from controlplane.public_links import PublicLink
from tenants.provisioning.models import Tenant


def new_incident_id() -> str:
    return new_id("inc")


def new_update_id() -> str:
    return new_id("upd")


def new_period_id() -> str:
    return new_id("per")


def new_link_id() -> str:
    return new_id("stl")


class ComponentPeriod(models.Model):
    """
    For how long checks saw one component of the platform in one state, without a gap.

    A check that sees the same again moves `seen_until`; another state, or a check after a gap, begins another row. So
    there is a row a transition, and what no row covers nobody looked at. `detail` is for operators and shown to nobody
    else.
    """

    class State(models.TextChoices):
        OPERATIONAL = "operational", "Operational"
        DEGRADED = "degraded", "Degraded"
        DOWN = "down", "Down"

    component = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=State)
    detail = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField()
    seen_until = models.DateTimeField()
    newest = models.BooleanField(default=True)

    class Meta:
        ordering = ["began_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["component"], condition=Q(newest=True), name="one_newest_component_period")
        ]
        indexes = [models.Index(fields=["seen_until"], name="component_periods_by_end")]

    def __str__(self) -> str:
        return f"{self.component} {self.state} since {self.began_at:%Y-%m-%d %H:%M}"


class Incident(models.Model):
    """
    Something that staff tell everybody: an incident of the platform, or maintenance that has a begin and an end.

    `state` is that of the newest update; of maintenance it also follows from the clock (see `incidents.stage_of`).
    """

    class Kind(models.TextChoices):
        INCIDENT = "incident", "Incident"
        MAINTENANCE = "maintenance", "Maintenance"

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"

    id = models.CharField(primary_key=True, max_length=32, default=new_incident_id, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    title = models.CharField(max_length=120)
    components = models.JSONField(default=list)
    state = models.CharField(max_length=16, choices=State)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="of maintenance: when it is to be over")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="incident", ends_at__isnull=True) | Q(kind="maintenance", ends_at__isnull=False),
                name="only_maintenance_has_an_end_ahead",
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="incidents_newest_first")]

    def __str__(self) -> str:
        return self.title


class IncidentUpdate(models.Model):
    """
    What staff said about an incident or maintenance at one moment. It is mailed once to whoever subscribed:
    `told_up_to` is the subscription up to which that is done.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_update_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    state = models.CharField(max_length=16, choices=Incident.State)
    text = models.CharField(max_length=2000)
    told_up_to = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.state}: {self.text[:40]}"


class TenantPeriod(models.Model):
    """
    For how long a tenant was in one state, as the portal was told; the newest has no end.

    `reason` is the edge's own word, for the tenant's people only. `told` says that subscribers are mailed about it,
    `told_up_to` is the subscription up to which that is done.
    """

    class State(models.TextChoices):
        OPERATIONAL = "operational", "Operational"
        DEGRADED = "degraded", "Degraded"
        DOWN = "down", "Down"
        CHANGING = "changing", "A change is under way"
        RESTING = "resting", "Asleep, wakes on request"
        STOPPED = "stopped", "Stopped"

    BAD = (State.DEGRADED, State.DOWN)

    id = models.CharField(primary_key=True, max_length=32, default=new_period_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="periods")
    state = models.CharField(max_length=16, choices=State)
    reason = models.CharField(max_length=300, blank=True)
    told = models.BooleanField(default=False)
    told_up_to = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(help_text="when it began")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(ended_at__isnull=True), name="one_newest_period_of_tenant"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="periods_of_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.state} since {self.created_at:%Y-%m-%d %H:%M}"


class StatusLink(PublicLink):
    """
    A public address of one tenant's status. Its token is shown once; only the digest is stored.

    `title` is what strangers read instead of names. Row-level security shows it to the organization, and to the actor
    ``statuslink:<its id>``, which the token names.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_link_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="status_links")
    title = models.CharField(max_length=80)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="status_links_of_tenant")]

    def __str__(self) -> str:
        return self.title


class StatusSubscription(models.Model):
    """
    An address that is told by mail of the platform's status, or of one tenant's, once it has confirmed that.

    `organization_id` is the tenant's, or the word for the platform; `link_id` the public link by which it came about,
    with which it ends. The id is a digest of what it is about and the address, so that asking twice finds the same row
    and nobody needs to look for it; `secret` is what the mailed links prove; `created_at` is when it was asked last,
    until it confirms. Row-level security shows a row to the organization, and to the actor ``subscription:<its id>``.
    """

    id = models.CharField(primary_key=True, max_length=32, editable=False)
    organization_id = models.CharField(max_length=32)
    tenant_id = models.CharField(max_length=26, blank=True)
    link_id = models.CharField(max_length=32, blank=True)
    email = models.CharField(max_length=254)
    secret = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["organization_id", "tenant_id", "id"], name="subscriptions_of_status"),
            models.Index(
                fields=["created_at"], condition=Q(confirmed_at__isnull=True), name="subscriptions_unconfirmed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} of {self.tenant_id or 'the platform'}"
