"""Roll-outs, and what became of each of their tenants."""

from django.db import models
from django.db.models import Q

from controlplane.ids import new_id
from tenants.provisioning.models import Tenant


def new_rollout_id() -> str:
    return new_id("rol")


def new_target_id() -> str:
    return new_id("rtn")


class Rollout(models.Model):
    """
    That tenants of an organization, and of an MSP's clients, are to get something: `kind` with its `arguments`.

    It stands at `ring`. `failures_accepted` are those with which somebody had it go on. Each operation is asked for as
    the person `acts_as` (with the key `acts_with`, from the address `acted_from`): who started it, or had it go on
    last. While `look_at` is set, that is when it is to be looked at next; `reason` says why it is held.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        HELD = "held", "Held"
        FINISHED = "finished", "Finished"
        ENDED = "ended", "Ended"

    OPEN = (State.RUNNING, State.HELD)

    id = models.CharField(primary_key=True, max_length=32, default=new_rollout_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=32)
    arguments = models.JSONField(default=dict)
    only = models.JSONField(default=dict, blank=True, help_text="to which organizations and tenants it was narrowed")
    when = models.CharField(max_length=16)
    soak_hours = models.PositiveSmallIntegerField()
    failures_allowed = models.PositiveSmallIntegerField()
    failures_accepted = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    ring = models.CharField(max_length=16, choices=Tenant.Ring)
    reason = models.CharField(max_length=500, blank=True)
    look_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=64)
    acts_as = models.CharField(max_length=64)
    acts_with = models.CharField(max_length=64, blank=True)
    acted_from = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind"],
                condition=Q(state__in=["running", "held"], kind__in=["version", "content", "template"]),
                name="one_open_rollout_of_a_kind",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="rollouts_of_organization"),
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="rollouts_by_look"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class RolloutTarget(models.Model):
    """
    One tenant of a roll-out.

    It may be a client's, whose rows row-level security keeps apart, so ids and names are kept and no references.
    `operation_id` is what was asked for, of the kind `back_up` a backup.
    `grant_id` is by which the client lets the MSP do it. One that is busy is not tried before `not_before`.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Not begun"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    id = models.CharField(primary_key=True, max_length=32, default=new_target_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="targets")
    ring = models.CharField(max_length=16, choices=Tenant.Ring)
    tenant_id = models.CharField(max_length=26)
    tenant_name = models.CharField(max_length=80)
    tenant_organization_id = models.CharField(max_length=32)
    tenant_organization_name = models.CharField(max_length=120)
    grant_id = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=500, blank=True)
    operation_id = models.CharField(max_length=64, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["rollout", "tenant_id"], name="a_tenant_is_rolled_to_once")]
        indexes = [models.Index(fields=["rollout", "-created_at", "-id"], name="targets_of_rollout")]

    def __str__(self) -> str:
        return f"{self.tenant_name} {self.state}"
