"""What reports are to be made, those that were issued, and who may read them without an account."""

from zoneinfo import ZoneInfo

from django.db import models

from controlplane.ids import new_id
from controlplane.public_links import PublicLink


def new_plan_id() -> str:
    return new_id("rpp")


def new_report_id() -> str:
    return new_id("rpt")


def new_link_id() -> str:
    return new_id("rpl")


def new_address_id() -> str:
    return new_id("rpa")


class ReportPlan(models.Model):
    """
    A report that an organization has made of itself or, as an MSP, of clients.

    `clients` are ids of organizations, none for all that are reached when it is made. `due_at` is when the next one is
    to be made; null where nothing is made by itself. `owed_from` is when the span begins that is due, where the plan
    was changed after that was over. It is made as the person `acts_as` (with the key `acts_with`), who saved it last,
    with what they may see then. `members` and `addresses` get a mail.
    """

    class Every(models.TextChoices):
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"

    id = models.CharField(primary_key=True, max_length=32, default=new_plan_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    clients = models.JSONField(default=list)
    parts = models.JSONField(default=list)
    every = models.CharField(max_length=16, choices=Every)
    time_zone = models.CharField(max_length=64, default="UTC")
    members = models.JSONField(default=list)
    addresses = models.JSONField(default=list)
    due_at = models.DateTimeField(null=True, blank=True)
    owed_from = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="why the last one could not be made")
    acts_as = models.CharField(max_length=64)
    acts_with = models.CharField(max_length=64, blank=True)
    acted_from = models.CharField(max_length=64, blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="report_plan_name_is_taken_once")]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="report_plans_of_organization"),
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="report_plans_due"),
        ]

    def __str__(self) -> str:
        return self.name


class Report(models.Model):
    """An issued report. Its figures are frozen: pages and files are made of them, whatever becomes of the tenants."""

    id = models.CharField(primary_key=True, max_length=32, default=new_report_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(ReportPlan, null=True, on_delete=models.SET_NULL, related_name="reports")
    name = models.CharField(max_length=80)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)
    figures = models.JSONField()
    issued_as = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["plan", "begins_at", "ends_at"], name="one_report_of_a_span")]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="reports_of_organization")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """'Monthly report, 2026-11-01 to 2026-12-01', days in the report's zone."""
        days = (moment.astimezone(ZoneInfo(self.time_zone)) for moment in (self.begins_at, self.ends_at))
        return f"{self.name}, {' to '.join(f'{day:%Y-%m-%d}' for day in days)}"


class ReportLink(PublicLink):
    """
    A public address of one report until a moment. Its token is told once; only the digest is stored. `hides` are tables
    that its maker did not see: client → parts.

    Row-level security shows it to the organization, and to the actor ``reportlink:<its id>``, which the token names.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_link_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="links")
    sent_to = models.CharField(max_length=254, blank=True)
    hides = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    downloads = models.PositiveIntegerField(default=0)
    downloaded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["report", "-created_at", "-id"], name="links_of_report")]

    def __str__(self) -> str:
        return f"link to {self.report_id} until {self.expires_at:%Y-%m-%d}"


class ReportAddress(models.Model):
    """An address of somebody who is no member, to which an owner lets reports be mailed."""

    id = models.CharField(primary_key=True, max_length=32, default=new_address_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    email = models.CharField(max_length=254)
    confirmed_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "email"], name="report_address_is_listed_once")]

    def __str__(self) -> str:
        return self.email
