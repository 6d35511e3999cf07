"""What was ordered of a tenant's agents, and what became of it for each of them."""

from typing import Any

from django.db import models
from django.utils import timezone

from controlplane.ids import new_id


def new_order_id() -> str:
    return new_id("ord")


def new_result_id() -> str:
    return new_id("ores")


def new_batch_id() -> str:
    return new_id("abat")


class AgentBatch(models.Model):
    """
    That the same was ordered of agents of several tenants; each has an order of its own, which names this one.

    `refused` are the tenants that took no part: `tenant`, `name`, `agents`, `code` and `message` of each.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_batch_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    arguments = models.JSONField(default=dict)
    refused = models.JSONField(default=list)
    created_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="batches_of_organization")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class AgentOrder(models.Model):
    """
    That agents of one tenant get other groups or another version, restart, or leave.

    `batch_id` names the one that several tenants' orders belong to, which may be an MSP's, so it is kept as an id.
    `acknowledged_at` is null while the edge has not confirmed that it has the order ("pending at the edge");
    `edge_error` says why it never will.
    """

    class Kind(models.TextChoices):
        GROUPS = "groups", "Set groups"
        UPGRADE = "upgrade", "Upgrade"
        RESTART = "restart", "Restart"
        REMOVE = "remove", "Remove"

    id = models.CharField(primary_key=True, max_length=32, default=new_order_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="agent_orders")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    arguments = models.JSONField(default=dict)
    batch_id = models.CharField(max_length=32, blank=True, default="")
    created_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    edge_error = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="agent_orders_of_tenant"),
            models.Index(fields=["batch_id"], condition=~models.Q(batch_id=""), name="agent_orders_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def pending(self) -> bool:
        """Whether the edge has yet to confirm that it has the order."""
        return self.acknowledged_at is None and self.edge_error is None

    def body(self, epoch: int) -> dict[str, Any]:
        """What the edge is told."""
        numbers = sorted(result.number for result in self.results.all())
        return {"epoch": epoch, "kind": self.kind, "agents": numbers, **self.arguments}


class AgentResult(models.Model):
    """What became of an order for one agent. The agent's own row may be gone: it was removed, or renamed away."""

    class State(models.TextChoices):
        WAITING = "waiting"
        WORKING = "working"
        DONE = "done"
        FAILED = "failed"

    OPEN = (State.WAITING, State.WORKING)

    id = models.CharField(primary_key=True, max_length=32, default=new_result_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    order = models.ForeignKey(AgentOrder, on_delete=models.CASCADE, related_name="results")
    agent = models.ForeignKey("tenants.Agent", null=True, blank=True, on_delete=models.SET_NULL, related_name="results")
    number = models.CharField(max_length=16)
    name = models.CharField(max_length=128)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    note = models.CharField(max_length=500, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="one_result_an_agent")]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


def new_move_id() -> str:
    return new_id("mov")


def new_item_id() -> str:
    return new_id("mitm")


class AgentMove(models.Model):
    """
    That agents of one tenant are to join another, with one token that lets in exactly those.

    A machine joins the target when somebody runs the enrollment script on it. For `grace_hours` after that its old
    identity stays; then it is removed here. Whoever has not come when the token ends stays where they are.

    `organization` and `tenant` are the source's. The token lies in the target's organization, which row-level security
    keeps apart, so its id is kept and no reference.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_move_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="agent_moves")
    target_organization_id = models.CharField(max_length=32)
    target_tenant_id = models.CharField(max_length=26)
    target_name = models.CharField(max_length=80)
    token_id = models.CharField(max_length=10)
    grace_hours = models.PositiveSmallIntegerField()
    expires_at = models.DateTimeField()
    created_by = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="agent_moves_of_tenant"),
            models.Index(fields=["organization"], condition=models.Q(closed_at=None), name="open_agent_moves"),
        ]

    def __str__(self) -> str:
        return f"move to {self.target_name}"


class MovingAgent(models.Model):
    """
    One agent of a move: waiting, then arrived at the target, then moved; or stayed where it is.

    `order` is the removal of its old identity, null until then or where that had gone before.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        ARRIVED = "arrived"
        MOVED = "moved"
        STAYED = "stayed"

    OPEN = (State.WAITING, State.ARRIVED)

    id = models.CharField(primary_key=True, max_length=32, default=new_item_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    move = models.ForeignKey(AgentMove, on_delete=models.CASCADE, related_name="agents")
    number = models.CharField(max_length=16)
    name = models.CharField(max_length=128)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    target_number = models.CharField(max_length=16, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    order = models.ForeignKey(AgentOrder, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["move", "number"], name="an_agent_moves_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
