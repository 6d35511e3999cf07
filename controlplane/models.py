"""Rows that every room needs: access, audit, outbox, remembered answers, markers."""

from datetime import datetime
from typing import Any

from django.core.checks import CheckMessage
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id


class Access(models.Model):
    """Which actor sees which organization: what row-level security joins.

    Written only by the database's own triggers on memberships, grants and organizations; `app` and `worker` may read
    it. ``via`` is the row the access comes from.
    """

    actor = models.TextField()
    organization_id = models.TextField()
    via = models.TextField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "organizations_access"
        constraints = [
            models.UniqueConstraint(fields=["actor", "organization_id", "via"], name="organizations_access_once"),
        ]
        indexes = [models.Index(fields=["via"], name="organizations_access_via")]

    def __str__(self) -> str:
        return f"{self.actor} → {self.organization_id}"


class AuditHead(models.Model):
    """The end of one organization's audit chain; its row lock orders the writers of the chain."""

    organization_id = models.TextField(primary_key=True)
    position = models.BigIntegerField(default=0)
    mac = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.position}"


SEARCHED = {
    **{"action": "action", "target": "target", "kind": "actor_kind", "user": "actor_user"},
    **{"key": "actor_key", "request": "actor_request"},
}
"""What a trail has an index for, by the index's name."""


class StoredColumn(models.GeneratedField):
    """Judged without a database: Django would ask a running one whether it knows such columns, before each command."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return super().check(**{**kwargs, "databases": []})

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.GeneratedField", args, kwargs


def _of_actor(name: str) -> StoredColumn:
    """A column of the actor's JSON. Row-level security keeps the JSON's own operators from every index."""
    return StoredColumn(
        expression=KeyTextTransform(name, "actor"), output_field=models.TextField(null=True), db_persist=True
    )


class AuditEntry(models.Model):
    """One thing that was done or refused. The database itself refuses to change or delete it."""

    id = models.TextField(primary_key=True)
    organization_id = models.TextField()
    position = models.BigIntegerField()
    created_at = models.DateTimeField()
    action = models.TextField()
    refused = models.BooleanField(default=False)
    target = models.TextField()
    actor = models.JSONField()
    data = models.JSONField()
    previous = models.TextField()
    mac = models.TextField()
    actor_kind = _of_actor("kind")
    actor_user = _of_actor("user")
    actor_key = _of_actor("key")
    actor_grant = _of_actor("grant")
    actor_request = _of_actor("request")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "position"], name="audit_one_chain"),
        ]
        # One for each thing that a trail is searched for, each in the order of its pages: a page of a million entries
        # costs what a page of a hundred costs.
        indexes = [
            models.Index(fields=["organization_id", "-created_at", "-id"], name="audit_newest_first"),
            *(
                models.Index(fields=["organization_id", column, "-created_at"], name=f"audit_by_{name}")
                for name, column in SEARCHED.items()
            ),
            models.Index(
                fields=["organization_id", "-created_at"],
                condition=models.Q(actor_grant__isnull=False),
                name="audit_by_msp",
            ),
            models.Index(
                fields=["organization_id", "-created_at"], condition=models.Q(refused=True), name="audit_refused"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class AuditCheck(models.Model):
    """How far a chain held when it was walked last, by the clock; see `controlplane.audit_checks`."""

    organization_id = models.TextField(primary_key=True)
    position = models.BigIntegerField(default=0)
    """Where the walk under way stands, and the hash there."""
    mac = models.TextField(default="", blank=True)
    is_over = models.BooleanField(default=False)
    found = models.JSONField(default=list, blank=True)
    """Breaks of the walk under way."""
    began_at = models.DateTimeField(default=timezone.now)
    breaks = models.JSONField(default=list, blank=True)
    """Breaks of the last walk that came to the end."""
    seen = models.BigIntegerField(default=0)
    """The farthest that the chain ever reached."""
    checked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.organization_id} to {self.position}"

    def begin(self) -> None:
        """Begins a whole walk."""
        self.position, self.mac, self.found, self.is_over, self.began_at = 0, "", [], False, timezone.now()

    def end(self, now: datetime) -> None:
        """Comes to the chain's end."""
        self.breaks, self.checked_at, self.seen = self.found, now, max(self.seen, self.position)


class RefusalCount(models.Model):
    """Refusals of one kind after the first, in one window: see `controlplane.repetitions`. ``key`` is their digest."""

    CONTENT = ("organization_id", "action", "target", "data", "topic", "began_at", "ends_at")

    key = models.TextField(primary_key=True)
    organization_id = models.TextField()
    action = models.TextField()
    target = models.TextField()
    data = models.JSONField()
    topic = models.TextField(default="", blank=True)
    repeats = models.BigIntegerField(default=0)
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="refusals_by_end")]

    def __str__(self) -> str:
        return f"{self.action} {self.target}: {self.repeats}"


def new_message_id() -> str:
    """Returns the id of a new message."""
    return new_id("msg")


class Message(models.Model):
    """Something that happened, published by a room in the transaction in which it happened."""

    id = models.TextField(primary_key=True, default=new_message_id)
    topic = models.TextField()
    key = models.TextField()
    organization_id = models.TextField()
    payload = models.JSONField()
    request = models.TextField(default="", blank=True)
    """Id of the request in which it happened; empty where none was under way."""
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="message_published_once")]
        indexes = [models.Index(fields=["created_at"], name="message_by_age")]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class Delivery(models.Model):
    """A fact on its way to one subscriber."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    organization_id = models.TextField()
    subscriber = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "subscriber"], name="delivery_once_a_subscriber"),
            models.CheckConstraint(
                condition=models.Q(delivered_at__isnull=True) ^ models.Q(next_attempt_at__isnull=True),
                name="delivery_done_or_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="delivery_due", condition=models.Q(next_attempt_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.message_id} → {self.subscriber}"


def new_mail_id() -> str:
    """Returns the id of a new mail, the left part of its Message-ID."""
    return new_id("mail")


class Mail(models.Model):
    """A mail on its way. `content` (subject and text) may hold a code, so it is encrypted, and empty once it ended."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        REFUSED = "refused", "Refused by the recipient's server"
        LATE = "late", "Not sent in time"

    id = models.TextField(primary_key=True, default=new_mail_id)
    organization_id = models.TextField()
    to = models.TextField()
    template = models.TextField()
    content = EncryptedTextField(default="", blank=True)
    state = models.TextField(choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="waiting", ended_at__isnull=True)
                | (~models.Q(state="waiting") & models.Q(ended_at__isnull=False, content="")),
                name="mail_that_ended_is_empty",
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="mail_by_age")]

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"


class RememberedAnswer(models.Model):
    """The answer to a POST with an Idempotency-Key; encrypted, because an answer may show a secret once."""

    actor = models.TextField()
    credential = models.TextField(default="", blank=True)
    key = models.TextField()
    fingerprint = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    body = EncryptedTextField(default="", blank=True)
    needed = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "credential", "key"], name="answer_once_a_key")]
        indexes = [models.Index(fields=["created_at"], name="answer_by_age")]

    def __str__(self) -> str:
        return f"{self.actor} {self.status}"


class Marker(models.Model):
    """Says something about the whole database, such as that demonstration rows were seeded into it."""

    SEEDED = "seeded"

    name = models.TextField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
