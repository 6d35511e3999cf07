"""Cells, tenants, operations and their steps: rows and constraints."""

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils import timezone

from controlplane.ids import new_id
from organizations.models import Organization
from tenants.provisioning import lifecycle
from tenants.provisioning.kinds import KINDS, Kind
from tenants.provisioning.windows import Window


def new_operation_id() -> str:
    return new_id("op")


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


class Tenant(models.Model):
    """
    One Wazuh deployment: what its organization asked for, and what the edge said last.

    `requested`, `spec` and `generation` are intent, owned here. `observed`, `observed_generation`, `reason` and
    `edge_view` mirror the edge, owned there; `edge_seq` tells the later of two views, `told_at` when the last came.
    `sent_hash` and `sent_operation_id` are what goes out under `generation` (no hash: something is yet to be handed
    over). `next_attempt_at` is when the reconciler has to look (null: settled), `attempts` how many claims in a row did
    not end well, `halted_at` when it gave up. `feed_epoch` and `feed_seq` say which change of the feed was applied
    last, `usage_seq` which of the tenant object's numbered rows of usage; `refresh_due` asks for all mirrored parts to
    be read anew. `copy_from` (tenant and backup) is where a clone's data are yet to come from; null once it has them,
    and for every other tenant.

    From `binned_at` to `erases_at` a tenant lies in the recycle bin: whatever is requested of it, it is stopped and
    keeps its data. `binned_by` put it there, `erasure_told_at` is when its end was announced.
    """

    class Requested(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        DELETED = "deleted", "Deleted"

    id = models.CharField(primary_key=True, max_length=26, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="tenants")
    cell = models.ForeignKey(Cell, on_delete=models.PROTECT, related_name="tenants")
    name = models.CharField(max_length=80)
    external_id = models.CharField(max_length=128, blank=True, default="")
    external_id_of = models.CharField(
        max_length=32, blank=True, default="", help_text="the organization in whose numbering the external id is"
    )
    spec = models.JSONField()
    copy_from = models.JSONField(null=True, blank=True)
    maintenance_window = models.JSONField(null=True, blank=True)
    protected = models.BooleanField(default=False)
    requested = models.CharField(max_length=16, choices=Requested, default=Requested.RUNNING)
    generation = models.PositiveBigIntegerField(default=0)
    sent_hash = models.CharField(max_length=64, blank=True)
    sent_operation_id = models.CharField(max_length=64, blank=True)
    observed = models.CharField(max_length=16, default="absent")
    observed_generation = models.PositiveBigIntegerField(default=0)
    reason = models.JSONField(null=True, blank=True)
    edge_view = models.JSONField(null=True, blank=True)
    edge_seq = models.BigIntegerField(default=-1)
    told_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    halted_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    feed_epoch = models.CharField(max_length=64, blank=True)
    feed_seq = models.PositiveBigIntegerField(default=0)
    usage_seq = models.PositiveBigIntegerField(default=0)
    refresh_due = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    binned_at = models.DateTimeField(null=True, blank=True)
    binned_by = models.CharField(max_length=64, blank=True)
    erases_at = models.DateTimeField(null=True, blank=True)
    erasure_told_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(deleted_at__isnull=True), name="tenant_name_is_taken_once"
            ),
            models.UniqueConstraint(
                fields=["external_id_of", "external_id"],
                condition=Q(deleted_at__isnull=True) & ~Q(external_id=""),
                name="external_id_names_one_tenant",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="tenants_due"),
            models.Index(fields=["organization", "-created_at", "-id"], name="tenants_of_organization"),
            models.Index(fields=["-created_at", "-id"], name="tenants_newest_first"),
            models.Index(fields=["cell", "id"], name="tenants_of_cell"),
            models.Index(
                fields=["told_at"],
                condition=Q(next_attempt_at__isnull=True, deleted_at__isnull=True),
                name="tenants_settled",
            ),
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="tenants_claimed"),
            models.Index(
                fields=["organization", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="tenants_due_of_organization",
            ),
            models.Index(
                fields=["erases_at"],
                condition=Q(erases_at__isnull=False, deleted_at__isnull=True),
                name="tenants_in_bin",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """What people see, computed now (see `lifecycle.status_of`)."""
        return lifecycle.status_of(self, timezone.now())

    @property
    def attention(self) -> list[dict[str, str]]:
        """Why a running tenant needs a look; empty where all is well or it is not running."""
        return lifecycle.attention(self, timezone.now()) if self.status == "attention" else []

    @property
    def in_bin(self) -> bool:
        """Whether it lies in the recycle bin, also while it is being erased from there."""
        return self.erases_at is not None and self.deleted_at is None

    @property
    def is_leaving(self) -> bool:
        """Whether it is in the recycle bin, is being erased, or has been."""
        return self.in_bin or self.requested == self.Requested.DELETED

    @property
    def told_to(self) -> str:
        """What the edge was last told to make of it (see `lifecycle.told`)."""
        return lifecycle.told(self)

    @property
    def sleep_after_minutes(self) -> int | None:
        """After how many minutes without use it sleeps; None for never."""
        policy = self.spec.get("sleep") or {}
        return policy.get("after_minutes")

    @property
    def sleeping(self) -> dict[str, str] | None:
        """Since when it sleeps and why; None while it does not."""
        return (self.edge_view or {}).get("sleeping") if self.status == "sleeping" else None

    @property
    def detection_delayed_since(self) -> str | None:
        """Since when events of its agents wait at the edge for their manager; None where none do."""
        return (self.edge_view or {}).get("detection_delayed_since")

    @property
    def next_backup_at(self) -> str | None:
        """When the edge makes the next daily backup; None where none is due."""
        return (self.edge_view or {}).get("next_backup_at")

    @property
    def next_window(self) -> dt.datetime | None:
        """When the next maintenance window begins; None where there is none."""
        return Window.read(self.maintenance_window).next_after(timezone.now())[0] if self.maintenance_window else None

    @property
    def runtime(self) -> str:
        """What its nodes really run on: `stand-in`, `docker` or `cloudflare`."""
        return str((self.edge_view or {}).get("runtime") or self.cell.runtime)

    @property
    def jurisdiction(self) -> str:
        """Where it runs and keeps its data: what its cell is bound to; empty where that is bound to nothing."""
        return self.cell.jurisdiction

    @property
    def jurisdiction_words(self) -> str:
        """The same for people."""
        return Organization.Jurisdiction(self.jurisdiction).label

    @property
    def fence(self) -> tuple[int, int]:
        """The (epoch, generation) that calls about the spec carry."""
        return self.cell.epoch, self.generation

    @property
    def ever_sent(self) -> bool:
        """Whether a spec of this tenant was ever given to the edge."""
        return self.generation > 0


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
