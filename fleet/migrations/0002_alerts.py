"""The inbox of alerts, with what people did with them, and how far each tenant's stream was read."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import fleet.alerts.models
from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, EnableRowSecurity, NarrowFunction

DUE = """
  SELECT tenant_id::text, organization_id::text FROM fleet_alertcursor
  WHERE due_at <= at AND (lease_until IS NULL OR lease_until < at) ORDER BY due_at LIMIT most
"""
ME = "current_setting('app.actor', true)"
# Only for an actor who sees that organization, and only of providers whose access holds and lets them handle alerts.
IN_FORCE = f"""
  SELECT s.id::text, s.kind::text, s.rule_id::text, s.agent_id::text, s.tenant_id::text, s.ends_at
  FROM fleet_suppression s
  WHERE s.ended_at IS NULL AND s.ends_at > now()
    AND (s.organization_id = organization OR s.organization_id IN (
      SELECT g.msp_id FROM organizations_grant g
      WHERE g.client_id = organization AND g.state = 'active' AND (g.ends_at IS NULL OR g.ends_at > now())
        AND (g.review_at IS NULL OR g.review_at > now() - interval '30 days')
        AND g.role_ceiling IN ('admin', 'operator', 'owner')))
    AND ({ME} = 'org:' || organization OR EXISTS (SELECT 1 FROM organizations_access a
      WHERE a.actor = {ME} AND a.organization_id = organization AND (a.ends_at IS NULL OR a.ends_at > now())))
"""  # noqa: S608 - no input
FORGET = """
  DELETE FROM fleet_suppression WHERE ends_at < before;
  WITH old AS (SELECT id FROM fleet_alert WHERE last_at < before ORDER BY last_at LIMIT most),
    entries AS (DELETE FROM fleet_alertentry WHERE alert_id IN (SELECT id FROM old)),
    gone AS (DELETE FROM fleet_alert WHERE id IN (SELECT id FROM old) RETURNING 1)
  SELECT count(*)::integer FROM gone;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0001_fleet_views"),
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0026_agent_batches"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.alerts.models.new_alert_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(choices=[("rule", "Rule")], default="rule", max_length=16)),
                ("key", models.CharField(max_length=300)),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium")], max_length=16
                    ),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=300)),
                ("rule_id", models.CharField(blank=True, max_length=128)),
                ("groups", models.JSONField(default=list)),
                ("techniques", models.JSONField(default=list)),
                ("tactics", models.JSONField(default=list)),
                ("agent_id", models.CharField(blank=True, max_length=128)),
                ("agent_name", models.CharField(blank=True, max_length=128)),
                ("first_seq", models.BigIntegerField(default=0)),
                ("last_seq", models.BigIntegerField(default=0)),
                ("recent", models.JSONField(default=list)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("count", models.PositiveBigIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("assignee", models.CharField(blank=True, max_length=64)),
                ("suppressed_by", models.CharField(blank=True, max_length=32)),
                ("suppressed_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-last_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="AlertCursor",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tenants.tenant",
                    ),
                ),
                ("marked", models.BigIntegerField(default=0)),
                ("read_to", models.BigIntegerField(blank=True, null=True)),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertEntry",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.alerts.models.new_entry_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("what", models.CharField(max_length=16)),
                (
                    "by",
                    models.CharField(blank=True, help_text="a person's id; empty for the portal itself", max_length=64),
                ),
                ("whom", models.CharField(blank=True, help_text="to whom it was assigned", max_length=64)),
                ("text", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="fleet.alert"
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
            name="Suppression",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fleet.alerts.models.new_suppression_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(choices=[("rule", "Rule")], default="rule", max_length=16)),
                ("rule_id", models.CharField(blank=True, max_length=128)),
                ("agent_id", models.CharField(blank=True, max_length=128)),
                ("reason", models.CharField(max_length=500)),
                ("ends_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=64)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["organization", "-last_at", "-id"], name="alerts_of_organization"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True), fields=["-last_at", "-id"], name="alerts_to_do"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["last_at"], name="alerts_by_age"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("suppressed_by", ""), _negated=True),
                fields=["suppressed_by"],
                name="alerts_of_suppression",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=("tenant", "kind", "key"),
                name="an_alert_is_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                    models.Q(models.Q(("state", "closed"), _negated=True), ("closed_at__isnull", True)),
                    _connector="OR",
                ),
                name="a_closed_alert_says_when",
            ),
        ),
        migrations.AddIndex(
            model_name="alertcursor",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="alert_cursors_due"
            ),
        ),
        migrations.AddIndex(
            model_name="alertentry",
            index=models.Index(fields=["alert", "-created_at", "-id"], name="entries_of_alert"),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="suppressions_of_organization"),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.CheckConstraint(
                condition=models.Q(("agent_id", ""), ("tenant__isnull", False), _connector="OR"),
                name="an_agent_is_named_in_its_tenant",
            ),
        ),
        *(EnableRowSecurity(f"fleet_{table}") for table in ("alert", "alertentry", "suppression", "alertcursor")),
        NarrowFunction(
            "alert_cursors_due",
            DUE,
            arguments="at timestamptz, most integer",
            returns="TABLE (tenant_id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
        NarrowFunction(
            "alert_suppressions_in_force",
            IN_FORCE,
            arguments="organization text",
            returns="TABLE (id text, kind text, rule_id text, agent_id text, tenant_id text, ends_at timestamptz)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
        NarrowFunction(
            "forget_old_alerts",
            FORGET,
            arguments="before timestamptz, most integer",
            returns="TABLE (removed integer)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
