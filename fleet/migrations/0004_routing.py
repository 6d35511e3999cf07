"""Destinations of alerts, the routes to them, and notices on their way."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import controlplane.crypto
import fleet.routing.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

DUE = """
  SELECT id::text, organization_id::text FROM fleet_notice
  WHERE next_attempt_at <= at ORDER BY next_attempt_at LIMIT most
"""
ME = "current_setting('app.actor', true)"
# Only for an actor who sees that organization, and only of providers whose access holds and lets them read events.
ROUTES = f"""
  SELECT r.organization_id::text, r.destination_id::text, d.kind::text, r.severity::text, r.kinds::text, r.clients::text
  FROM fleet_route r JOIN fleet_destination d ON d.id = r.destination_id AND d.removed_at IS NULL
  WHERE (r.organization_id = organization OR r.organization_id IN (
      SELECT g.msp_id FROM organizations_grant g
      WHERE g.client_id = organization AND g.state = 'active' AND (g.ends_at IS NULL OR g.ends_at > now())
        AND (g.review_at IS NULL OR g.review_at > now() - interval '30 days')
        AND g.role_ceiling IN ('admin', 'operator', 'owner', 'viewer')))
    AND ({ME} = 'org:' || organization OR EXISTS (SELECT 1 FROM organizations_access a
      WHERE a.actor = {ME} AND a.organization_id = organization AND (a.ends_at IS NULL OR a.ends_at > now())))
  ORDER BY r.id
"""  # noqa: S608 - no input
FORGET = """
  WITH old AS (SELECT id FROM fleet_notice WHERE created_at < before AND next_attempt_at IS NULL
      ORDER BY created_at LIMIT most),
    gone AS (DELETE FROM fleet_notice WHERE id IN (SELECT id FROM old) RETURNING 1)
  SELECT count(*)::integer FROM gone
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0003_own_kinds"),
        ("organizations", "0021_jurisdiction"),
    ]

    operations = [
        migrations.CreateModel(
            name="Destination",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.routing.models.new_destination_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("slack", "Slack"),
                            ("teams", "Microsoft Teams"),
                            ("pagerduty", "PagerDuty"),
                            ("webhook", "Signed webhook"),
                            ("jira", "Jira"),
                        ],
                        max_length=16,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("settings", models.JSONField(default=dict)),
                ("secret", controlplane.crypto.EncryptedTextField(blank=True, default="")),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("removed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.routing.models.new_notice_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("alert_id", models.CharField(blank=True, max_length=32)),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("raised", "Raised"),
                            ("acknowledged", "Acknowledged"),
                            ("closed", "Closed"),
                            ("many", "Many at once"),
                            ("test", "Test"),
                        ],
                        max_length=16,
                    ),
                ),
                ("content", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "destination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="fleet.destination"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.routing.models.new_route_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium")], max_length=16
                    ),
                ),
                ("kinds", models.JSONField(default=list)),
                ("clients", models.JSONField(default=list, help_text="ids of organizations")),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "destination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="routes", to="fleet.destination"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="destination",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="destinations_of_organization"),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("organization", "name"),
                name="a_destination_is_named_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(("removed_at", None), ("secret", ""), _connector="OR"),
                name="a_removed_destination_has_no_secret",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="notices_of_organization"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("next_attempt_at__isnull", False)), fields=["next_attempt_at"], name="notices_due"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["created_at"], name="notices_by_age"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("alert_id", ""), _negated=True),
                fields=("destination", "alert_id", "what"),
                name="an_alert_is_told_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_attempt_at__isnull", False), ("state", "waiting")),
                    models.Q(models.Q(("state", "waiting"), _negated=True), ("next_attempt_at__isnull", True)),
                    _connector="OR",
                ),
                name="a_notice_is_over_or_due",
            ),
        ),
        migrations.AddIndex(
            model_name="route",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="routes_of_organization"),
        ),
        *(EnableRowSecurity(f"fleet_{table}") for table in ("destination", "route", "notice")),
        NarrowFunction(
            "alert_notices_due",
            DUE,
            arguments="at timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
        NarrowFunction(
            "alert_routes_of",
            ROUTES,
            arguments="organization text",
            returns="TABLE (organization_id text, destination_id text, kind text, severity text, kinds text,"
            " clients text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
        NarrowFunction(
            "forget_old_notices",
            FORGET,
            arguments="before timestamptz, most integer",
            returns="TABLE (removed integer)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
