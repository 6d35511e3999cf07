"""Operations and their steps."""

from django.db import models
from django.db.models import Q

from controlplane.ids import new_id
from tenants.provisioning.kinds import KINDS, Kind
from tenants.provisioning.models.tenant import Tenant


def new_operation_id() -> str:
    return new_id("op")


class Operation(models.Model):
    """
    One change that somebody asked for, or that the edge began by itself, with its progress.

    `base_requested` and `base_generation` are what the tenant was before, `base_spec` its spec where that is changed;
    `target_generation` is the fence under which the edge carries it out (null until the reconciler hands it over, and
    again after a Retry); `started_at` is when it was handed over first. `arguments` are what was asked for where the
    kind alone does not say it, such as which backup. One that is `scheduled` blocks no other: it begins once
    `scheduled_for` is reached, and fails where it could not until `window_ends_at`; at `announced_at` people were told
    that this is near.
    """

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Source(models.TextChoices):
        USER = "user", "Asked for by a person or an API key"
        SYSTEM = "system", "Follows from something else"
        EDGE = "edge", "Begun at the edge"

    OPEN = (State.QUEUED, State.RUNNING, State.WAITING)

    id = models.CharField(primary_key=True, max_length=64, default=new_operation_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="operations")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=32)
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    source = models.CharField(max_length=16, choices=Source, default=Source.USER)
    exclusive = models.BooleanField(default=True)
    base_requested = models.CharField(max_length=16, blank=True)
    base_generation = models.PositiveBigIntegerField()
    base_spec = models.JSONField(null=True, blank=True)
    target_generation = models.PositiveBigIntegerField(null=True, blank=True)
    requested_by = models.CharField(max_length=64, blank=True)
    requested_with = models.CharField(max_length=64, blank=True, help_text="the API key, where one was used")
    error = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    window_ends_at = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(exclusive=True, state__in=["queued", "running", "waiting"]),
                name="one_exclusive_operation_per_tenant",
            ),
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(state="scheduled"), name="one_scheduled_operation_per_tenant"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="operations_of_tenant"),
            models.Index(fields=["organization", "-created_at", "-id"], name="operations_of_organization"),
            models.Index(fields=["-created_at", "-id"], name="operations_newest_first"),
            models.Index(fields=["scheduled_for"], condition=Q(state="scheduled"), name="operations_scheduled"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in self.OPEN

    @property
    def holds_up(self) -> bool:
        """Whether what people may ask for waits until it has ended."""
        return self.is_open and not (self.known_kind and self.known_kind.reads)

    @property
    def can_be_retried(self) -> bool:
        """Whether there is something to go on with: it failed, was begun, and the edge did not take it back."""
        kind = self.known_kind
        begun = self.scheduled_for is None or self.started_at is not None
        return self.state == self.State.FAILED and kind is not None and kind.retried and begun

    @property
    def handed_over(self) -> bool:
        """Whether the edge may know of it. A Retry takes nothing of that back: what was told once may be under way."""
        return self.started_at is not None

    @property
    def known_kind(self) -> Kind | None:
        """What this room knows of the kind; None for a kind that only the edge has."""
        return KINDS.get(self.kind)


class Step(models.Model):
    """One step of an operation, as far as it has come."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["operation", "name"], name="step_is_listed_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.operation_id}"
