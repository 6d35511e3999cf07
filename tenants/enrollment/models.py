"""Enrollment tokens, the agents that they let in, and whom they kept out."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id, new_token_id


def new_agent_id() -> str:
    return new_id("agt")


def new_refusal_id() -> str:
    return new_id("ref")


def new_change_id() -> str:
    return new_id("acc")


def new_use_id() -> str:
    return new_id("use")


class EnrollmentToken(models.Model):
    """
    Leave for a number of agents to join one tenant until a date. Only the digest of its secret is kept.

    The edge judges every use by itself. `uses` and the `last_*` parts mirror what it counted; `acknowledged_at` is
    null while the edge has not confirmed the token's newest state ("pending at the edge"). `revoked_at` may lie ahead:
    a token that was rotated works until then. `replaces` is the one that it was made in place of. `names` are the only
    agents that it lets in, where there are any. `wazuh5_key` lies here, sealed, only until the edge has the token.
    """

    id = models.CharField(primary_key=True, max_length=10, default=new_token_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64)
    wazuh5_key = EncryptedTextField(blank=True)
    groups = models.JSONField(default=list)
    labels = models.JSONField(default=dict)
    names = models.JSONField(default=list)
    site = models.CharField(max_length=64, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by", editable=False
    )
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_by = models.CharField(max_length=128, blank=True)
    last_used_from = models.CharField(max_length=64, blank=True)
    created_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    edge_error = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(max_uses__gte=1), name="token_lets_somebody_in"),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="tokens_of_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """active, expired, used_up or revoked."""
        now = timezone.now()
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return "used_up" if self.uses >= self.max_uses else "active"

    @property
    def pending(self) -> bool:
        """Whether the edge has yet to confirm the newest state."""
        return self.acknowledged_at is None

    @property
    def ends_at(self) -> datetime:
        """From when on it lets nobody in: its expiry, or a revocation that comes before."""
        return min(self.expires_at, self.revoked_at or self.expires_at)

    @property
    def ends_early(self) -> bool:
        """Whether it still works and is to end before its expiry: it was rotated."""
        return self.state == "active" and self.ends_at < self.expires_at

    @property
    def agent_labels(self) -> dict[str, str]:
        """What its agents are labelled with: its labels, and its site as one more."""
        return {**self.labels, "site": self.site} if self.site else dict(self.labels)

    @property
    def remaining(self) -> int:
        """How many agents may still join with it, by what the edge has told."""
        return max(self.max_uses - self.uses, 0)


class Agent(models.Model):
    """
    One agent of a tenant, mirrored from the edge. `number` is what Wazuh calls its id, such as `001`.

    `silent_at` is when the edge told that it had been unheard for longer than its tenant allows, null once it is back.
    `quarantine_asked_at` is when somebody asked for quarantine, `quarantined_at` when the edge had carried it out.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_agent_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="agents")
    number = models.CharField(max_length=16)
    name = models.CharField(max_length=128)
    token = models.ForeignKey(EnrollmentToken, null=True, blank=True, on_delete=models.SET_NULL, related_name="agents")
    groups = models.JSONField(default=list)
    status = models.CharField(max_length=32, default="never_connected")
    version = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    silent_at = models.DateTimeField(null=True, blank=True)
    quarantine_asked_at = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.CharField(max_length=200, blank=True)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="agent_number_is_used_once")]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="agents_of_tenant"),
            models.Index(fields=["-created_at", "-id"], name="agents_of_all_tenants"),
        ]

    STATES: ClassVar[dict[str, Q]] = {
        "active": Q(quarantined_at=None, status="active"),
        "silent": Q(quarantined_at=None, status="disconnected"),
        "never": Q(quarantined_at=None) & ~Q(status__in=("active", "disconnected")),
        "quarantined": Q(quarantined_at__isnull=False),
    }
    """What people call an agent's state → the rows that are in it. Each agent is in one of them; see `state`."""

    def __str__(self) -> str:
        return self.name

    @property
    def pending(self) -> bool:
        """Whether a quarantine was asked for that the edge has yet to confirm."""
        return self.quarantine_asked_at is not None and self.quarantined_at is None

    @property
    def state(self) -> str:
        """active, silent, never (connected) or quarantined."""
        if self.quarantined_at is not None:
            return "quarantined"
        return {"active": "active", "disconnected": "silent"}.get(self.status, "never")


class ConnectionChange(models.Model):
    """
    That an agent was seen in another state than before. The newest `KEPT` of an agent are kept.

    `created_at` is when it was seen, `last_seen_at` when the agent itself had last been heard.
    """

    KEPT = 50

    id = models.CharField(primary_key=True, max_length=32, default=new_change_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="connection_changes")
    status = models.CharField(max_length=32)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["agent", "-created_at", "-id"], name="connection_of_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.status}"


class TokenUse(models.Model):
    """That an agent joined with a token: stays when the agent goes. `used_at` is the edge's time."""

    id = models.CharField(primary_key=True, max_length=32, default=new_use_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(EnrollmentToken, on_delete=models.CASCADE, related_name="used")
    agent_number = models.CharField(max_length=16)
    agent_name = models.CharField(max_length=128)
    address = models.CharField(max_length=64, blank=True)
    used_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["token", "agent_number"], name="token_lets_an_agent_in_once")]
        indexes = [models.Index(fields=["token", "-created_at", "-id"], name="uses_of_token")]

    def __str__(self) -> str:
        return f"{self.agent_name} by {self.token_id}"


class AgentReading(models.Model):
    """
    When a tenant's agents were last asked for, when its manager last told of them, and how the last answer was.

    A partial answer tells who there is, and nothing new of who is connected: that stays as of `read_at`.
    """

    tenant = models.OneToOneField(
        "tenants.Tenant", primary_key=True, on_delete=models.CASCADE, related_name="agent_reading"
    )
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    partial = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"agents of {self.tenant_id}"


class Refusal(models.Model):
    """
    Enrollments that the edge refused, gathered by what they have in common within an hour.

    Anybody who knows a tenant's address can cause refusals, so that they are counted rather than listed one by one.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_refusal_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="refusals")
    token_id_used = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=32)
    agent_name = models.CharField(max_length=128, blank=True)
    address = models.CharField(max_length=64, blank=True)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "token_id_used", "reason", "address", "hour"], name="refusals_are_counted_by_hour"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="refusals_of_tenant")]

    def __str__(self) -> str:
        return f"{self.count}× {self.reason}"
