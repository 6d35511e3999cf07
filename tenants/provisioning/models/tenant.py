"""A tenant: what was asked for, and what the edge said of it."""

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from organizations.models import Organization
from tenants.provisioning import lifecycle
from tenants.provisioning.models.cell import Cell
from tenants.provisioning.windows import Window


class Tenant(models.Model):
    """
    One Wazuh deployment: what its organization asked for, and what the edge said last.

    `requested`, `spec` and `generation` are intent, owned here. `observed`, `observed_generation`, `reason` and
    `edge_view` mirror the edge, owned there; `edge_seq` tells the later of two views, `told_at` when the last came.
    From `told_generation` to `agents_active` parts of the view stand beside it for lists (see `told`).
    `sent_hash` and `sent_operation_id` are what goes out under `generation` (no hash: something is yet to be handed
    over). `next_attempt_at` is when the reconciler has to look (null: settled), `attempts` how many claims in a row did
    not end well, `halted_at` when it gave up. `feed_epoch` and `feed_seq` say which change of the feed was applied
    last, `usage_seq` which of the tenant object's numbered rows of usage; `refresh_due` asks for all mirrored parts to
    be read anew. `copy_from` (tenant and backup) is where a clone's data are yet to come from; null once it has them,
    and for every other tenant. `ring` says how early a roll-out reaches it, and changes nothing of what runs.

    From `binned_at` to `erases_at` a tenant lies in the recycle bin: whatever is requested of it, it is stopped and
    keeps its data. `binned_by` put it there, `erasure_told_at` is when its end was announced.
    """

    class Requested(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        DELETED = "deleted", "Deleted"

    class Ring(models.TextChoices):
        """In the order in which a roll-out goes through them."""

        CANARY = "canary", "Canary"
        EARLY = "early", "Early"
        GENERAL = "general", "General"

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
    ring = models.CharField(max_length=16, choices=Ring, default=Ring.GENERAL)
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
    told_generation = models.PositiveBigIntegerField(null=True, blank=True)
    told_requested = models.CharField(max_length=16, blank=True, default="")
    told_run = models.CharField(max_length=64, blank=True, default="", help_text="kind of the run under way")
    told_sleeping = models.BooleanField(default=False)
    told_attention = models.BooleanField(default=False)
    certificate_ends_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    agents_enrolled = models.PositiveBigIntegerField(default=0)
    agents_active = models.PositiveBigIntegerField(default=0)
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
            models.Index(
                fields=["certificate_ends_at"],
                condition=Q(certificate_ends_at__isnull=False, deleted_at__isnull=True),
                name="tenants_by_certificate",
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
    def backup_schedule(self) -> dict[str, Any] | None:
        """By which schedule of its own it is backed up (see `backup_schedules`); None for a day apart."""
        return self.spec.get("backups")

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
        """When the edge makes the next backup that nobody orders; None where none is due."""
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
