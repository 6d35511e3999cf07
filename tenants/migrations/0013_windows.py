"""Maintenance windows, and operations that wait for them."""

from django.db import migrations, models
from django.db.models import Q

from controlplane.rls_operations import APP_ROLE, WORKER_ROLE, NarrowFunction

DUE = """
  SELECT id::text, organization_id::text FROM tenants_operation
  WHERE state = 'scheduled' AND scheduled_for <= soon AND (scheduled_for <= at OR announced_at IS NULL)
  ORDER BY scheduled_for LIMIT most
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0012_backups")]

    operations = [
        migrations.AddField("tenant", "maintenance_window", models.JSONField(blank=True, null=True)),
        migrations.AddField("operation", "scheduled_for", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("operation", "window_ends_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("operation", "announced_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "operation",
            "state",
            models.CharField(
                choices=[
                    ("scheduled", "Scheduled"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("waiting", "Waiting"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            "operation",
            models.Index(condition=Q(state="scheduled"), fields=["scheduled_for"], name="operations_scheduled"),
        ),
        migrations.AddConstraint(
            "operation",
            models.UniqueConstraint(
                condition=Q(state="scheduled"), fields=["tenant"], name="one_scheduled_operation_per_tenant"
            ),
        ),
        NarrowFunction(
            "operations_due",
            DUE,
            arguments="at timestamptz, soon timestamptz, most integer",
            returns="TABLE (id text, organization_id text)",
            language="sql",
            callers=(APP_ROLE, WORKER_ROLE),
        ),
    ]
