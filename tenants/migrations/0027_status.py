"""How the platform and tenants are and were, what staff say of it, and who is told."""

import django.db.models.deletion
from django.db import migrations, models

import controlplane.crypto
import tenants.status.models
from controlplane.rls_operations import (
    APP_ROLE,
    WORKER_ROLE,
    EnableRowSecurity,
    NarrowFunction,
    visible_organizations,
)

ME = "current_setting('app.actor', true)"
# Tenants whose lease somebody holds are being worked on: they are not late.
WORK_DUE = """
  SELECT at FROM (
    (SELECT next_attempt_at AS at FROM controlplane_delivery WHERE next_attempt_at IS NOT NULL
      ORDER BY next_attempt_at LIMIT 1)
    UNION ALL
    (SELECT next_attempt_at FROM tenants_tenant WHERE next_attempt_at IS NOT NULL AND lease_until IS NULL
      ORDER BY next_attempt_at LIMIT 1)
  ) AS due
"""
FORGET = """
  DELETE FROM tenants_statussubscription WHERE confirmed_at IS NULL AND created_at < before
"""


def own_or(table: str, actor: str) -> str:
    """Whoever sees the organization, and the one row's own actor, which a link names."""
    return f"{visible_organizations(f'{table}.organization_id')} OR '{actor}:' || {table}.id = {ME}"


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0021_jurisdiction"),
        ("tenants", "0026_agent_batches"),
    ]

    operations = [
        migrations.CreateModel(
            name="ComponentPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("component", models.CharField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[("operational", "Operational"), ("degraded", "Degraded"), ("down", "Down")],
                        max_length=16,
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("began_at", models.DateTimeField()),
                ("seen_until", models.DateTimeField()),
                ("newest", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["began_at", "id"],
                "indexes": [models.Index(fields=["seen_until"], name="component_periods_by_end")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("newest", True)), fields=("component",), name="one_newest_component_period"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.status.models.new_incident_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=[("incident", "Incident"), ("maintenance", "Maintenance")], max_length=16),
                ),
                ("title", models.CharField(max_length=120)),
                ("components", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("investigating", "Investigating"),
                            ("identified", "Identified"),
                            ("monitoring", "Monitoring"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=16,
                    ),
                ),
                ("begins_at", models.DateTimeField()),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, help_text="of maintenance: when it is to be over", null=True),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["-created_at", "-id"], name="incidents_newest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ends_at__isnull", True), ("kind", "incident")),
                            models.Q(("ends_at__isnull", False), ("kind", "maintenance")),
                            _connector="OR",
                        ),
                        name="only_maintenance_has_an_end_ahead",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IncidentUpdate",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.status.models.new_update_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("investigating", "Investigating"),
                            ("identified", "Identified"),
                            ("monitoring", "Monitoring"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.CharField(max_length=2000)),
                ("told_up_to", models.CharField(blank=True, max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="updates", to="tenants.incident"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="StatusSubscription",
            fields=[
                ("id", models.CharField(editable=False, max_length=32, primary_key=True, serialize=False)),
                ("organization_id", models.CharField(max_length=32)),
                ("tenant_id", models.CharField(blank=True, max_length=26)),
                ("link_id", models.CharField(blank=True, max_length=32)),
                ("email", models.CharField(max_length=254)),
                ("secret", controlplane.crypto.EncryptedTextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["organization_id", "tenant_id", "id"], name="subscriptions_of_status"),
                    models.Index(
                        condition=models.Q(("confirmed_at__isnull", True)),
                        fields=["created_at"],
                        name="subscriptions_unconfirmed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StatusLink",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.status.models.new_link_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("title", models.CharField(max_length=80)),
                ("digest", models.CharField(max_length=64)),
                ("created_by", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="status_links", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="status_links_of_tenant")],
            },
        ),
        migrations.CreateModel(
            name="TenantPeriod",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=tenants.status.models.new_period_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("operational", "Operational"),
                            ("degraded", "Degraded"),
                            ("down", "Down"),
                            ("changing", "A change is under way"),
                            ("resting", "Asleep, wakes on request"),
                            ("stopped", "Stopped"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("told", models.BooleanField(default=False)),
                ("told_up_to", models.CharField(blank=True, max_length=32)),
                ("created_at", models.DateTimeField(help_text="when it began")),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="periods", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["tenant", "-created_at", "-id"], name="periods_of_tenant")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("tenant",),
                        name="one_newest_period_of_tenant",
                    )
                ],
            },
        ),
        EnableRowSecurity("tenants_tenantperiod"),
        EnableRowSecurity("tenants_statuslink", using=own_or("tenants_statuslink", "statuslink")),
        EnableRowSecurity("tenants_statussubscription", using=own_or("tenants_statussubscription", "subscription")),
        NarrowFunction(
            "status_work_due",
            WORK_DUE,
            returns="TABLE (at timestamptz)",
            language="sql",
            callers=[WORKER_ROLE, APP_ROLE],
        ),
        NarrowFunction(
            "status_forget_unconfirmed",
            FORGET,
            arguments="before timestamptz",
            returns="void",
            language="sql",
            callers=[WORKER_ROLE, APP_ROLE],
        ),
    ]
