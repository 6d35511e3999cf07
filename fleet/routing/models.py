"""Destinations, routes to them, and notices on their way."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id
from fleet.alerts.severity import Severity


def new_destination_id() -> str:
    return new_id("dst")


def new_route_id() -> str:
    return new_id("rte")


def new_notice_id() -> str:
    return new_id("ntc")


class Destination(models.Model):
    """
    Where somebody is told of alerts. `settings` can be shown, `secret` never is: what it is, the kind says.

    A removed one is kept for its notices, without its secret.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"
        PAGERDUTY = "pagerduty", "PagerDuty"
        WEBHOOK = "webhook", "Signed webhook"
        JIRA = "jira", "Jira"

    id = models.CharField(primary_key=True, max_length=32, default=new_destination_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=80)
    settings = models.JSONField(default=dict)
    secret = EncryptedTextField(default="", blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(removed_at=None), name="a_destination_is_named_once"
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(secret=""), name="a_removed_destination_has_no_secret"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="destinations_of_organization")]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """That alerts of at least a severity, of some kinds and clients (none named: all), are told to a destination."""

    id = models.CharField(primary_key=True, max_length=32, default=new_route_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="routes")
    severity = models.CharField(max_length=16, choices=Severity)
    kinds = models.JSONField(default=list)
    clients = models.JSONField(default=list, help_text="ids of organizations")
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="routes_of_organization")]

    def __str__(self) -> str:
        return f"{self.severity} to {self.destination_id}"


class Notice(models.Model):
    """
    One message to one destination: that an alert was raised, or what became of it; or that somebody tries it out.

    `content` is what there is to say, as it was when that happened. While it is `waiting` it is tried at
    `next_attempt_at`. One of a kind for each alert and destination, however often the alert is counted; one for many at
    once has the gravest of them.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    class What(models.TextChoices):
        RAISED = "raised", "Raised"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        CLOSED = "closed", "Closed"
        MANY = "many", "Many at once"
        TEST = "test", "Test"

    id = models.CharField(primary_key=True, max_length=32, default=new_notice_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="notices")
    alert_id = models.CharField(max_length=32, blank=True)
    what = models.CharField(max_length=16, choices=What)
    content = models.JSONField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "alert_id", "what"], condition=~Q(alert_id=""), name="an_alert_is_told_once"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False)
                | (~Q(state="waiting") & Q(next_attempt_at__isnull=True)),
                name="a_notice_is_over_or_due",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="notices_of_organization"),
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="notices_due"),
            models.Index(fields=["created_at"], name="notices_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.alert_id}"
