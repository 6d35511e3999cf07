"""Alerts, what people did with them, what is not to be shown, and how far each tenant's stream was read."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from controlplane.ids import new_id
from fleet.alerts.severity import Severity


def new_alert_id() -> str:
    return new_id("alr")


def new_entry_id() -> str:
    return new_id("aent")


def new_suppression_id() -> str:
    return new_id("sup")


class Alert(models.Model):
    """
    The same trouble in one tenant, however often it was told: one row until somebody closes it.

    `key` says what is the same: of the kind `rule`, the rule and the agent. Alerts of the other kinds are raised here,
    and `stands` says that their cause goes on: it outlasts somebody's closing them, so that nothing is raised anew
    before it was over. `level` is the highest that was seen;
    `first_seq` and `last_seq` are numbers of the tenant's event log, `recent` the last few of them. While
    `suppressed_until` lies ahead it is counted and not shown; `suppressed_by` is the suppression that says so.
    """

    class Kind(models.TextChoices):
        RULE = "rule", "Rule"
        AGENT_SILENT = "agent_silent", "Silent agents"
        TENANT_SILENT = "tenant_silent", "Silent tenant"
        DISK = "disk", "Disk"
        PROVISIONING = "provisioning", "Failed operation"
        CERTIFICATE = "certificate", "Certificate"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        CLOSED = "closed", "Closed"

    TO_DO = (State.OPEN, State.ACKNOWLEDGED)

    id = models.CharField(primary_key=True, max_length=32, default=new_alert_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.RULE)
    key = models.CharField(max_length=300)
    severity = models.CharField(max_length=16, choices=Severity)
    level = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=300)
    rule_id = models.CharField(max_length=128, blank=True)
    groups = models.JSONField(default=list)
    techniques = models.JSONField(default=list)
    tactics = models.JSONField(default=list)
    agent_id = models.CharField(max_length=128, blank=True)
    agent_name = models.CharField(max_length=128, blank=True)
    first_seq = models.BigIntegerField(default=0)
    last_seq = models.BigIntegerField(default=0)
    recent = models.JSONField(default=list)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=1)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    assignee = models.CharField(max_length=64, blank=True)
    suppressed_by = models.CharField(max_length=32, blank=True)
    suppressed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    stands = models.BooleanField(default=False)

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "key"], condition=~Q(state="closed"), name="an_alert_is_open_once"
            ),
            models.UniqueConstraint(
                fields=["tenant", "kind", "key"], condition=Q(stands=True), name="a_cause_stands_once"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="a_closed_alert_says_when",
            ),
        ]
        # Of one organization by its own; of an MSP's many clients from the newest on, until a page is full.
        indexes = [
            models.Index(fields=["organization", "-last_at", "-id"], name="alerts_of_organization"),
            models.Index(fields=["-last_at", "-id"], condition=~Q(state="closed"), name="alerts_to_do"),
            models.Index(fields=["last_at"], name="alerts_by_age"),
            models.Index(fields=["suppressed_by"], condition=~Q(suppressed_by=""), name="alerts_of_suppression"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_suppressed(self) -> bool:
        """Whether it is counted and not shown now."""
        return self.suppressed_until is not None and self.suppressed_until > timezone.now()


class AlertEntry(models.Model):
    """One thing that somebody did with an alert, or said of it; `what` is an action's name or `note`."""

    id = models.CharField(primary_key=True, max_length=32, default=new_entry_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="entries")
    what = models.CharField(max_length=16)
    by = models.CharField(max_length=64, blank=True, help_text="a person's id; empty for the portal itself")
    whom = models.CharField(max_length=64, blank=True, help_text="to whom it was assigned")
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["alert", "-created_at", "-id"], name="entries_of_alert")]

    def __str__(self) -> str:
        return f"{self.what} {self.alert_id}"


class Suppression(models.Model):
    """
    That alerts of a rule are counted and not shown, until `ends_at`.

    It holds in its organization; an MSP's own in its clients too, as far as their access lets the MSP handle alerts.
    It may be narrowed to one tenant, and to one agent of that.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_suppression_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    rule_id = models.CharField(max_length=128, blank=True)
    agent_id = models.CharField(max_length=128, blank=True)
    reason = models.CharField(max_length=500)
    ends_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(agent_id="") | Q(tenant__isnull=False), name="an_agent_is_named_in_its_tenant"
            )
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="suppressions_of_organization")]

    def __str__(self) -> str:
        return f"rule {self.rule_id}"

    @property
    def is_in_force(self) -> bool:
        """Whether it holds now."""
        return self.ended_at is None and self.ends_at > timezone.now()


class AlertCursor(models.Model):
    """
    How far one tenant's stream was read, `read_to`; null: nothing was read yet.

    `due_at` is when it is to be read next, also while somebody reads, who holds the lease. What was read up to
    `read_at` is counted: of a log that was set back, only what is later is read.
    """

    tenant = models.OneToOneField("tenants.Tenant", on_delete=models.CASCADE, primary_key=True, related_name="+")
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    read_to = models.BigIntegerField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="alert_cursors_due")]

    def __str__(self) -> str:
        return f"alerts of {self.tenant_id}"
